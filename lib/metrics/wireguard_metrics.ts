import type { Refusal } from "../contract/refusal.ts";
import { peerState } from "../status/peer_state.ts";
import type { Device, Peer } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { Coalesced } from "./coalesced.ts";
import { type MetricSet, readCounter, readGauge, type Reading } from "./read_metrics.ts";

/** Where the values come from. */
export interface WireGuardSource {
  readonly interface: string;
  /** Reads the interface afresh; undefined if there is none. */
  read(): Promise<Device | undefined>;
  /** The Node that has a key; undefined if it is nobody's, as far as is known. */
  nodeOf(key: PublicKey): string | undefined;
  /** All refusals that hold now. */
  refusals(): readonly Refusal[];
  /** Milliseconds since 1970. */
  now(): number;
}

/** A reading serves for so long, in ms: it costs the kernel's lock, and whoever may scrape may flood. */
const FRESH = 1_000;

/**
 * The kernel's own counters, read when they are asked for. Names, and what the values are, are those
 * of the usual exporter (MindFlavor's prometheus_wireguard_exporter), so that its dashboards serve;
 * the Node stands where that has its `friendly_name`. A peer that has gone is in no reading.
 */
export function readWireGuard(set: MetricSet, source: WireGuardSource): void {
  // What cannot be read has no peers; wg_kube_interface_up tells which it is.
  const device = new Coalesced(() => source.read().catch(() => undefined), FRESH);
  const ofPeers = (valueOf: (peer: Peer) => number) => async (): Promise<Reading[]> =>
    [...(await device.get())?.peers.values() ?? []].map((peer) => [
      [source.interface, peer.publicKey, source.nodeOf(peer.publicKey) ?? ""],
      valueOf(peer),
    ]);
  const labelNames = ["interface", "public_key", "node"];
  readGauge(set, {
    name: "wireguard_latest_handshake_seconds",
    help: "When the peer last shook hands: seconds since 1970, 0 if it never has",
    labelNames,
    read: ofPeers(({ lastHandshake }) => lastHandshake / 1000),
  });
  readCounter(set, {
    name: "wireguard_sent_bytes_total",
    help: "Bytes sent to the peer through the tunnel",
    labelNames,
    read: ofPeers(({ txBytes }) => txBytes),
  });
  readCounter(set, {
    name: "wireguard_received_bytes_total",
    help: "Bytes received from the peer through the tunnel",
    labelNames,
    read: ofPeers(({ rxBytes }) => rxBytes),
  });
  readGauge(set, {
    name: "wg_kube_interface_up",
    help: "1 if the WireGuard interface is there and can be read, else 0",
    labelNames: ["interface"],
    read: async () => [[[source.interface], await device.get() ? 1 : 0]],
  });
  readGauge(set, {
    name: "wg_kube_peers",
    help: "Peers that are up (a handshake within 3 minutes), stale, or never seen; and Nodes " +
      "whose key is refused",
    labelNames: ["state"],
    read: async () => {
      const counts = { up: 0, stale: 0, never: 0 };
      for (const { lastHandshake } of (await device.get())?.peers.values() ?? []) {
        counts[peerState(lastHandshake, source.now())]++;
      }
      const ofKeys = source.refusals().filter(({ subject }) => subject === "public-key");
      const refused = new Set(ofKeys.map(({ node }) => node)).size;
      return Object.entries({ ...counts, refused }).map(([state, count]) => [[state], count]);
    },
  });
}
