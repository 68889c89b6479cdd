/**
 * `read_peers.ts INTERFACE`: prints the peers of a WireGuard interface of the network namespace that
 * it runs in, as one line of JSON. The interface is read as hub and spoke read it.
 */
import { printEndpoint } from "../../lib/ip/endpoint.ts";
import { Network } from "../../lib/netlink/network.ts";
import type { Peer } from "../../lib/wireguard/device.ts";
import { openBackend } from "../../lib/wireguard/open_backend.ts";
import type { PeerRow } from "./peer_table.ts";

/** A peer as this program prints it. */
export interface ReadPeer extends Omit<PeerRow, "node"> {
  readonly publicKey: string;
}

/** The path of this file, to run it elsewhere. */
export const READ_PEERS = new URL(import.meta.url).pathname;

/** Reads what this program has printed. */
export function parseReadPeers(text: string): ReadPeer[] {
  return JSON.parse(text) as ReadPeer[];
}

function readPeer(
  { publicKey, endpoint, allowedIPs, lastHandshake, rxBytes, txBytes }: Peer,
): ReadPeer {
  return {
    publicKey,
    ...(endpoint && { endpoint: printEndpoint(endpoint) }),
    allowedIPs,
    lastHandshake,
    rxBytes,
    txBytes,
  };
}

async function main(name: string): Promise<void> {
  using network = new Network();
  const backend = await openBackend(network, name);
  const device = await backend.read(name);
  if (!device) throw new Error(`there is no WireGuard interface ${name}`);
  const text = JSON.stringify([...device.peers.values()].map(readPeer));
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) await main(Deno.args[0]!);
