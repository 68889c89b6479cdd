import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { format, inspect } from "node:util";
import {
  generatePrivateKey,
  parsePrivateKey,
  parsePublicKey,
  printPrivateKey,
  PrivateKey,
  privateKeyFromBytes,
  type PublicKey,
  publicKeyBytes,
  publicKeyFromBytes,
  ZERO_KEY,
} from "../../lib/wireguard/key.ts";

const bytesOf = (hex: string) =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

// RFC 7748, section 6.1. Alice's private key is not clamped.
const ALICE = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
const ALICE_PUBLIC = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
const BOB = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
const BOB_PUBLIC = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";

Deno.test("a private key has the public key that RFC 7748 says", async () => {
  for (const [secret, expected] of [[ALICE, ALICE_PUBLIC], [BOB, BOB_PUBLIC]]) {
    const { publicKey } = await privateKeyFromBytes(bytesOf(secret!));
    assertEquals(publicKeyBytes(publicKey), bytesOf(expected!));
  }
});

Deno.test("a private key is clamped, so that the kernel finds it unchanged", async () => {
  const key = await privateKeyFromBytes(bytesOf(ALICE));
  const clamped = bytesOf(ALICE);
  clamped[0] = 0x70;
  clamped[31] = 0x6a;
  assertEquals(key.bytes(), clamped);
  assertEquals((await privateKeyFromBytes(clamped)).publicKey, key.publicKey);
  const all = (await privateKeyFromBytes(new Uint8Array(32).fill(255))).bytes();
  assertEquals([all[0], all[31]], [248, 127]);
});

Deno.test("a private key's bytes are a copy", async () => {
  const given = bytesOf(BOB);
  const key = await privateKeyFromBytes(given);
  const before = key.bytes();
  given.fill(1);
  key.bytes().fill(2);
  assertEquals(key.bytes(), before);
});

Deno.test("a private key survives its file's text", async () => {
  const key = await generatePrivateKey();
  const text = printPrivateKey(key);
  assert(/^[A-Za-z0-9+/]{43}=\n$/.test(text));
  for (const form of [text, text.trim(), `\n ${text}\r\n\t`]) {
    assertEquals((await parsePrivateKey(form))?.bytes(), key.bytes());
  }
  assert((await generatePrivateKey()).publicKey !== key.publicKey);
});

Deno.test("text that is no private key is refused", async () => {
  const text = printPrivateKey(await privateKeyFromBytes(bytesOf(BOB))).trim();
  const zeros = `${"A".repeat(43)}=`;
  const hex = BOB;
  for (const bad of ["", zeros, hex, text.slice(1), text.slice(0, -1), `${text}=`, `${text} x`]) {
    assertEquals(await parsePrivateKey(bad), undefined);
  }
});

Deno.test("bytes that are no private key are refused", async () => {
  await assertRejects(() => privateKeyFromBytes(new Uint8Array(31)), RangeError, "31");
  await assertRejects(() => privateKeyFromBytes(new Uint8Array(33)), RangeError, "33");
  await assertRejects(() => privateKeyFromBytes(new Uint8Array(32)), RangeError, "zeros");
});

Deno.test("a private key does not show itself", async () => {
  const key = await privateKeyFromBytes(bytesOf(ALICE));
  const secret = printPrivateKey(key).trim();
  const hex = [...key.bytes()].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const shown = [
    String(key),
    `${key}`,
    key + "",
    JSON.stringify(key),
    JSON.stringify({ key, list: [key] }),
    Deno.inspect(key, { showHidden: true, getters: true }),
    Deno.inspect({ key, map: new Map([[1, key]]) }, { depth: 9 }),
    inspect(key, { showHidden: true, getters: true }),
    format("%s %o %O %j %d", key, key, key, key, key),
    new Error(`bad ${key}`, { cause: key }).message,
    Deno.inspect(new Error("bad", { cause: key })),
    Object.entries(key).join(),
    JSON.stringify(structuredClone(Object.getOwnPropertyDescriptors(key))),
  ].join("\n");
  for (const part of [secret, secret.slice(5, 25), hex, hex.slice(8, 24), "0x77", "112, 7, 109"]) {
    assertEquals(shown.includes(part), false, part);
  }
  assert(shown.includes("(private key)"));
});

Deno.test("a private key is made by nobody but its module", () => {
  assertThrows(
    () => Reflect.construct(PrivateKey, [Symbol("private"), new Uint8Array(32), ZERO_KEY]),
    TypeError,
  );
});

Deno.test("a public key has one text alone", () => {
  const text = publicKeyFromBytes(bytesOf(ALICE_PUBLIC));
  assertEquals(parsePublicKey(text), text);
  assertEquals(parsePublicKey(ZERO_KEY), ZERO_KEY);
  const head = text.slice(0, 42); // what follows is one character with two bits to spare, and "="
  const sloppy = "BCDFGHJKLNOPRSTVWXZabdefhijlmnpqrtuvxyz1235679+/";
  for (const last of sloppy) assertEquals(parsePublicKey(`${head}${last}=`), undefined, last);
  const bad = [
    ...["", "=", text.slice(1), `${text}=`, `${text}\n`, ` ${text}`, text.replace("=", "A")],
    ...[text.replace("=", ""), text.replaceAll(/[A-Z]/g, "-"), text.replaceAll(/[A-Z]/g, "_")],
    ...[`${text}${text}`, "é".repeat(44), `${"A".repeat(22)}\n${"A".repeat(20)}=`, ALICE_PUBLIC],
  ];
  for (const one of bad) assertEquals(parsePublicKey(one), undefined, JSON.stringify(one));
});

Deno.test("a public key survives its bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
    const key = publicKeyFromBytes(bytes);
    assertEquals(parsePublicKey(key), key);
    assertEquals(publicKeyBytes(key), Uint8Array.from(bytes));
  }));
});

Deno.test("parsePublicKey() gives a key's text as it came, or nothing", () => {
  fc.assert(fc.property(fc.stringMatching(/^[A-Za-z0-9+/]{43}=$/), (text) => {
    const key = parsePublicKey(text);
    if (key !== undefined) assertEquals(publicKeyFromBytes(publicKeyBytes(key)), text as PublicKey);
  }));
});
