import type { IpAddress } from "../../lib/ip/address.ts";
import { parseCidr } from "../../lib/ip/cidr.ts";
import { type Endpoint, parseEndpoint } from "../../lib/ip/endpoint.ts";
import { admit } from "../../lib/contract/admission.ts";
import type { LocalFacts } from "../../lib/contract/local_facts.ts";
import type { Claim } from "../../lib/contract/claim.ts";
import { type ClaimHold, EMPTY_LEDGER, type Ledger } from "../../lib/contract/ledger.ts";
import * as arbitrary from "./arbitraries.ts";

/** What no peer may have, whatever the bounds. */
export const NEVER =
  "0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 224.0.0.0/3 ::/128 ::1/128 ::ffff:0:0/96 " +
  "fe80::/10 ff00::/8";

/** Networks, separated by blanks. */
export const cidrs = (text: string) => text.split(" ").map((one) => parseCidr(one)!);

/** A hub with an address of its own, a route, a gateway and a tunnel. */
export const FACTS: LocalFacts = {
  ownKey: arbitrary.keyOf(200),
  ownAddresses: ["10.0.0.17", "192.168.1.2", "100.96.0.1", "fd00:0:0:5::1"] as IpAddress[],
  tunnelNetworks: cidrs("100.96.0.0/24"),
  peerCidrs: cidrs("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7"),
  otherRoutes: cidrs("192.168.1.0/24 10.0.0.32/28 10.0.0.64/27 100.96.0.0/20"),
  connected: cidrs("192.168.1.0/24 10.0.0.32/28"),
  neighbours: ["192.168.1.1", "10.0.0.50"] as IpAddress[],
  nodes: new Map(),
  podNetworks: cidrs("10.244.0.0/16"),
  learned: new Map(),
  resolve: ({ host, port }: Endpoint) =>
    host === "known.example" ? { host: "203.0.113.9" as IpAddress, port } : undefined,
};

/** A claim of the Node `n<number>`, which has the key of that number and was born in that second. */
export function claim(number: number, allowedIPs: string, rest: Partial<Claim> = {}): Claim {
  return {
    node: `n${number}`,
    createdAt: number * 1000,
    publicKey: arbitrary.keyOf(number),
    allowedIPs: allowedIPs === "" ? [] : cidrs(allowedIPs),
    faults: [],
    ...rest,
  };
}

/** An endpoint to spread into a claim. */
export const at = (text: string) => ({ endpoint: parseEndpoint(text)! });

/** Nothing is kept for Nodes that have gone. */
export const NO_HOLD: ClaimHold = { now: 1_000_000, holdMs: 0 };

/** Judges claims by those facts; nothing is kept for Nodes that have gone, unless told. */
export const judge = (
  claims: readonly Claim[],
  before: Ledger = EMPTY_LEDGER,
  hold: ClaimHold = NO_HOLD,
) => admit(claims, FACTS, before, hold);
