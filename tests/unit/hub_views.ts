import type { Refusal } from "../../lib/contract/refusal.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import type { ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import type { HubView } from "../../lib/page/hub_view.ts";
import type { PeerStatus } from "../../lib/status/status_report.ts";
import { keyOf } from "./arbitraries.ts";

/** When they were seen. */
export const NOW = Date.parse("2026-03-01T12:00:00Z");

function peer(number: number): PeerStatus {
  const state = number % 17 === 5
    ? "refused"
    : number % 13 === 4
    ? "never"
    : number % 11 === 3
    ? "stale"
    : "up";
  const isThere = state === "up" || state === "stale";
  return {
    node: `edge-${number}`,
    publicKey: keyOf(number % 250),
    state,
    ...(isThere &&
      { endpoint: { host: `203.0.113.${number % 250}`, port: 51820 } as ResolvedEndpoint }),
    allowedIPs: state === "refused"
      ? []
      : [`100.96.${number >> 8}.${number & 255}/32`, `10.244.${number & 255}.0/24`] as Cidr[],
    lastHandshake: state === "up" ? NOW - (number * 7919) % 115_000 : isThere ? NOW - 754_000 : 0,
    rxBytes: isThere ? (number * 48_271) ** 2 % 9e9 : 0,
    txBytes: isThere ? (number * 16_807) ** 2 % 9e9 : 0,
    refusals: [],
  };
}

const REFUSALS: readonly Refusal[] = [
  {
    node: "edge-5",
    subject: "public-key",
    value: keyOf(2),
    code: "held",
    reason: "is held by node edge-2",
  },
  {
    node: "edge-9",
    subject: "allowed-ips",
    value: "100.96.0.2/32",
    code: "held",
    reason: "overlaps 100.96.0.2/32, which node edge-2 holds",
  },
];

/** A hub with so many peers, of all states. */
export function hubView(peers: number, parts: Partial<HubView> = {}): HubView {
  return {
    node: "hub-1",
    time: NOW,
    version: "0.1.0",
    isActive: true,
    conditions: [{ name: "tunnel", ok: true }, { name: "published", ok: true }],
    interface: { name: "wg0", found: true, publicKey: keyOf(251), listenPort: 51820 },
    hubs: [{ node: "hub-1", active: true, ready: true, refusals: [] }],
    peers: Array.from({ length: peers }, (_, at) => peer(at + 2)),
    refusals: peers > 3 ? REFUSALS : [],
    diary: {
      dropped: 0,
      entries: [
        {
          at: NOW - 61_000,
          level: "warning",
          text: "refused what a node asks for",
          fields: [["node", "edge-9"], ["subject", "allowed-ips"], ["value", "100.96.0.2/32"], [
            "reason",
            "overlaps 100.96.0.2/32, which node edge-2 holds",
          ]],
        },
        {
          at: NOW - 754_000,
          level: "info",
          text: "peer added",
          fields: [["node", "edge-3"], ["peer", keyOf(3)], ["allowedIPs", "100.96.0.3/32"]],
        },
        {
          at: NOW - 3_000_000,
          level: "info",
          text: "in step with the cluster",
          fields: [["peers", "12"]],
        },
      ],
    },
    ...parts,
  };
}
