/** A certificate and its private key, both PEM (the key in PKCS #8). */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate that can sign others. */
export interface Authority extends Certificate {
  readonly commonName: string;
  readonly signingKey: CryptoKey;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly organization?: string;
  /** Addresses and host names that a server is known by. */
  readonly addresses?: readonly Uint8Array[];
  readonly hostNames?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const DAY_MS = 86_400_000;
const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const OID = {
  commonName: [0x55, 0x04, 0x03],
  organization: [0x55, 0x04, 0x0a],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  basicConstraints: [0x55, 0x1d, 0x13],
  subjectAltName: [0x55, 0x1d, 0x11],
};

/** A self-signed authority, for a day unless told. */
export async function createAuthority(commonName: string, notAfter?: Date): Promise<Authority> {
  const keys = await generateKeys();
  const request = { commonName, ...(notAfter && { notAfter }) };
  const issuer = { commonName, signingKey: keys.privateKey };
  const certificate = await sign(request, await spkiOf(keys.publicKey), issuer, true);
  return { commonName, signingKey: keys.privateKey, certificate, key: await keyPem(keys) };
}

/** A certificate for a server or a client, with a fresh key; from now for a day unless told (RFC 5280). */
export async function issueCertificate(
  authority: Authority,
  request: CertificateRequest,
): Promise<Certificate> {
  const keys = await generateKeys();
  const publicKey = await spkiOf(keys.publicKey);
  return {
    certificate: await sign(request, publicKey, authority, false),
    key: await keyPem(keys),
  };
}

/**
 * A certificate for the key of a signing request (RFC 2986). Whom it is for is said here: what the
 * request asks for besides is not read.
 *
 * @param signingRequest PEM.
 * @returns PEM.
 */
export async function signRequest(
  authority: Authority,
  signingRequest: string,
  request: CertificateRequest,
): Promise<string> {
  const whole = pemBytes(signingRequest);
  const info = contentOf(contentOf(whole));
  const version = elementOf(info);
  const subject = elementOf(info.subarray(version.length));
  const publicKey = elementOf(info.subarray(version.length + subject.length));
  return await sign(request, publicKey, authority, false);
}

/** A key pair for signing tokens: PEM of both halves. */
export async function createSigningKey(): Promise<{ privateKey: string; publicKey: string }> {
  const keys = await generateKeys();
  const publicKey = pem("PUBLIC KEY", await spkiOf(keys.publicKey));
  return { privateKey: await keyPem(keys), publicKey };
}

/** Takes up an authority again from its PEM texts. */
export async function loadAuthority(
  commonName: string,
  { certificate, key }: Certificate,
): Promise<Authority> {
  const signingKey = await crypto.subtle.importKey("pkcs8", pemBytes(key), CURVE, true, ["sign"]);
  return { commonName, certificate, key, signingKey };
}

async function sign(
  request: CertificateRequest,
  publicKey: Uint8Array,
  issuer: Pick<Authority, "commonName" | "signingKey">,
  isAuthority: boolean,
): Promise<string> {
  const algorithm = sequence(objectId(OID.ecdsaWithSha256));
  const notBefore = request.notBefore ?? new Date(Date.now() - 60_000);
  const notAfter = request.notAfter ?? new Date(Date.now() + DAY_MS);
  const body = sequence(
    tagged(0xa0, tagged(0x02, Uint8Array.of(2))), // version 3
    tagged(0x02, positive(crypto.getRandomValues(new Uint8Array(8)))),
    algorithm,
    name({ commonName: issuer.commonName }),
    sequence(time(notBefore), time(notAfter)),
    name(request),
    publicKey,
    tagged(0xa3, sequence(...extensions(request, isAuthority))),
  );
  const raw = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, issuer.signingKey, body);
  const signature = sequence(
    tagged(0x02, positive(new Uint8Array(raw, 0, 32))),
    tagged(0x02, positive(new Uint8Array(raw, 32))),
  );
  return pem("CERTIFICATE", sequence(body, algorithm, bitString(signature)));
}

function extensions(request: CertificateRequest, isAuthority: boolean): Uint8Array<ArrayBuffer>[] {
  const yes = tagged(0x01, Uint8Array.of(0xff));
  if (isAuthority) {
    const value = tagged(0x04, sequence(yes));
    return [sequence(objectId(OID.basicConstraints), yes, value)];
  }
  const names = [
    ...(request.hostNames ?? []).map((text) => tagged(0x82, new TextEncoder().encode(text))),
    ...(request.addresses ?? []).map((bytes) => tagged(0x87, bytes)),
  ];
  const constraints = sequence(objectId(OID.basicConstraints), tagged(0x04, sequence()));
  if (names.length === 0) return [constraints];
  return [constraints, sequence(objectId(OID.subjectAltName), tagged(0x04, sequence(...names)))];
}

function name({ commonName, organization }: CertificateRequest): Uint8Array<ArrayBuffer> {
  const part = (oid: number[], text: string) =>
    tagged(0x31, sequence(objectId(oid), tagged(0x0c, new TextEncoder().encode(text))));
  const parts = [part(OID.commonName, commonName)];
  if (organization !== undefined) parts.unshift(part(OID.organization, organization));
  return sequence(...parts);
}

/** One element of DER (X.690): tag, length, content. */
function tagged(tag: number, ...content: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = content.reduce((sum, bytes) => sum + bytes.length, 0);
  const size = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  const whole = new Uint8Array(1 + size.length + length);
  whole.set([tag, ...size]);
  let offset = 1 + size.length;
  for (const bytes of content) {
    whole.set(bytes, offset);
    offset += bytes.length;
  }
  return whole;
}

/** The first element of DER, tag and length included. */
function elementOf(bytes: Uint8Array): Uint8Array {
  const { start, length } = extentOf(bytes);
  return bytes.subarray(0, start + length);
}

/** What the first element of DER holds. */
function contentOf(bytes: Uint8Array): Uint8Array {
  const { start, length } = extentOf(bytes);
  return bytes.subarray(start, start + length);
}

function extentOf(bytes: Uint8Array): { readonly start: number; readonly length: number } {
  const first = bytes[1]!;
  if (first < 0x80) return { start: 2, length: first };
  const digits = bytes.subarray(2, 2 + (first & 0x7f));
  return {
    start: 2 + digits.length,
    length: digits.reduce((length, digit) => length * 256 + digit, 0),
  };
}

const sequence = (...content: Uint8Array[]) => tagged(0x30, ...content);
const objectId = (bytes: number[]) => tagged(0x06, Uint8Array.from(bytes));
const bitString = (bytes: Uint8Array) => tagged(0x03, Uint8Array.of(0), bytes);

/** The content of a positive integer: no needless zeros in front, but one where it would look negative. */
function positive(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  return digits[0]! & 0x80 ? Uint8Array.of(0, ...digits) : digits;
}

function time(date: Date): Uint8Array<ArrayBuffer> {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "").slice(2);
  return tagged(0x17, new TextEncoder().encode(digits)); // UTCTime, good until 2049
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
}

async function spkiOf(key: CryptoKey): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.exportKey("spki", key));
}

async function keyPem(keys: CryptoKeyPair): Promise<string> {
  return pem(
    "PRIVATE KEY",
    new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
  );
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function pemBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text.replaceAll(/-----[^-]+-----|\s/g, ""));
}
