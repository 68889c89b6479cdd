import type { Refusal } from "../../lib/contract/refusal.ts";
import type { Cidr, InterfaceAddress } from "../../lib/ip/cidr.ts";
import type { ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import type { PeerStatus, StatusReport } from "../../lib/status/status_report.ts";
import { keyOf } from "./arbitraries.ts";

/** When they were made. */
export const NOW = Date.parse("2026-03-01T12:00:00Z");

/** A refusal of a prefix. */
export const HELD: Refusal = {
  node: "edge-4",
  subject: "allowed-ips",
  value: "100.96.0.2/32",
  code: "held",
  reason: "overlaps 100.96.0.2/32, which node edge-2 holds",
};

const PEERS: readonly PeerStatus[] = [
  {
    node: "edge-2",
    publicKey: keyOf(1),
    state: "up",
    endpoint: { host: "203.0.113.2", port: 51820 } as ResolvedEndpoint,
    allowedIPs: ["100.96.0.2/32" as Cidr, "10.244.2.0/24" as Cidr],
    lastHandshake: NOW - 4_200,
    rxBytes: 6861,
    txBytes: 2 * 1024 ** 3,
    refusals: [],
  },
  {
    node: "edge-4",
    state: "never",
    allowedIPs: [],
    lastHandshake: 0,
    rxBytes: 0,
    txBytes: 0,
    refusals: [HELD],
    note: "has published no key yet",
  },
  {
    publicKey: keyOf(2),
    state: "stale",
    allowedIPs: [],
    lastHandshake: NOW - 3_600_000,
    rxBytes: 1,
    txBytes: 2,
    refusals: [],
  },
];

/** A hub with a peer that is up, one that has no key, and one of no Node. */
export const REPORT: StatusReport = {
  program: "hub",
  node: "hub-1",
  time: NOW,
  standing: { state: "ready", reasons: [] },
  interface: {
    name: "wg0",
    found: true,
    up: true,
    backend: "kernel",
    publicKey: keyOf(9),
    mtu: 1420,
    listenPort: 51820,
    addresses: [
      { address: "100.96.0.1", prefixLength: 32 },
      { address: "fd64::1", prefixLength: 128 },
    ] as InterfaceAddress[],
  },
  api: { ok: true, server: "https://10.0.0.1:443" },
  hubs: [
    { node: "hub-1", active: true, ready: true, refusals: [] },
    { node: "hub-2", active: false, ready: false, refusals: [] },
  ],
  peers: PEERS,
  troubles: [],
};

/** A machine of which nothing can be told. */
export const AWAY: StatusReport = {
  ...REPORT,
  standing: { state: "not running", reasons: ["nobody answers at 127.0.0.1:9587"] },
  interface: { name: "wg0", found: false, up: false, addresses: [] },
  api: { ok: false, reason: "no answer for 3 s" },
  hubs: [],
  peers: [],
  troubles: ["the ledger cannot be read"],
};
