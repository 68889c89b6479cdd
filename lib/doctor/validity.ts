import { X509Certificate } from "node:crypto";
import type { Lease } from "../kubernetes/credentials.ts";
import type { Validity } from "./checks/credential.ts";

/**
 * From when to when a credential is valid, as its certificate or its token says.
 *
 * @returns undefined if neither does.
 */
export function validityOf({ headers, certificate }: Pick<Lease, "headers" | "certificate">):
  | Validity
  | undefined {
  if (certificate !== undefined) return ofCertificate(certificate);
  const [, token] = /^Bearer (\S+)$/.exec(headers["authorization"] ?? "") ?? [];
  return token === undefined ? undefined : ofToken(token);
}

/** @param pem of which the first certificate is the client's own. */
function ofCertificate(pem: string): Validity | undefined {
  try {
    const { validFrom, validTo } = new X509Certificate(pem);
    const [from, until] = [Date.parse(validFrom), Date.parse(validTo)];
    return Number.isNaN(until) ? undefined : { kind: "certificate", from, until };
  } catch {
    return undefined; // the API server tells what is wrong with it
  }
}

/** The claims of a JSON Web Token (RFC 7519), in seconds. A token may be of any other kind. */
function ofToken(token: string): Validity | undefined {
  const [, payload = ""] = token.split(".");
  try {
    const bytes = Uint8Array.fromBase64(payload, { alphabet: "base64url" });
    const { iat, exp } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    if (typeof exp !== "number") return undefined;
    const from = typeof iat === "number" ? { from: iat * 1000 } : {};
    return { kind: "token", ...from, until: exp * 1000 };
  } catch {
    return undefined;
  }
}
