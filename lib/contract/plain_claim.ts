import type { Cidr } from "../ip/cidr.ts";
import { isResolved, type ResolvedEndpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { Claim } from "./claim.ts";

/** A claim that asks for nothing out of the ordinary. */
export type PlainClaim = Claim & {
  readonly publicKey: PublicKey;
  readonly allowedIPs: readonly Cidr[];
  readonly endpoint?: ResolvedEndpoint;
};

const PLAIN_FIELDS = new Set([
  "node",
  "createdAt",
  "publicKey",
  "endpoint",
  "allowedIPs",
  "faults",
  "isMember",
]);

/** Whether a claim is plain. A field that is not known here is out of the ordinary. */
export function isPlain(claim: Claim): claim is PlainClaim {
  return claim.publicKey !== undefined && claim.allowedIPs !== undefined &&
    claim.faults.length === 0 && (claim.endpoint === undefined || isResolved(claim.endpoint)) &&
    Object.keys(claim).every((field) => PLAIN_FIELDS.has(field));
}
