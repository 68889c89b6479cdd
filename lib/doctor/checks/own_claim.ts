import type { Claim } from "../../contract/claim.ts";
import { cidrsOverlap } from "../../ip/cidr.ts";
import { failed, type Finding, ok, skipped } from "../finding.ts";

/** What a spoke asks for, and what the other Nodes do. Undefined if the API did not tell. */
export interface OwnClaimFacts {
  readonly own: Claim | undefined;
  /** Of all peers. */
  readonly claims: readonly Claim[] | undefined;
}

/** Key and prefixes of a spoke must be its own: the hub gives them to one Node alone. */
export function checkOwnClaim({ own, claims }: OwnClaimFacts): Finding {
  if (!claims) return skipped("the API did not tell");
  if (!own?.publicKey) return skipped("the own Node has published no key");
  const others = claims.filter(({ node }) => node !== own.node);
  const twin = others.find(({ publicKey }) => publicKey === own.publicKey);
  if (twin) {
    return failed(
      `node ${twin.node} has this machine's public key, as a copied disk has`,
      // Without the file, the interface's key would be written back.
      "on one of the two: head -c 32 /dev/urandom | base64 > /etc/wireguard/private.key (or its " +
        "--private-key-file), and start its spoke again",
    );
  }
  for (const prefix of own.allowedIPs ?? []) {
    for (const { node, allowedIPs = [] } of others) {
      const theirs = allowedIPs.find((one) => cidrsOverlap(one, prefix));
      if (theirs === undefined) continue;
      return failed(
        `${prefix} overlaps ${theirs}, which node ${node} asks for, too: the hub gives it to one`,
        "give each machine addresses of its own: --address (WG_ADDRESS), --allowed-ips (WG_ALLOWED_IPS)",
      );
    }
  }
  return ok("no other Node asks for this machine's key or prefixes");
}
