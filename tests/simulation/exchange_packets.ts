import type { HubResident, SimulatedCluster } from "./simulated_cluster.ts";
import { PORT } from "./simulated_machine.ts";
import { publicAddress } from "./simulated_nodes.ts";

/** A session lasts that long before there is another handshake, in ms. */
const REKEY = 120_000;

/**
 * Each spoke and member sends its keepalive, a member by the network that it shares with hubs. Where it reaches a hub and both sides have each other, they shake
 * hands, and the hub learns where the spoke is.
 */
export function exchangePackets(
  { hubs, spokes, members }: Pick<SimulatedCluster, "hubs" | "spokes" | "members">,
): void {
  for (const { machine } of [...spokes, ...members]) {
    const isInside = machine.kind.role === "member";
    const wireguard = machine.host.wireguard;
    for (const [key, peer] of wireguard?.peers ?? []) {
      const hub = hubs.find((one) => isAt(one, peer.endpoint, isInside) && keyOf(one) === key);
      const answers = hub?.machine.host.wireguard?.peers.get(machine.kind.privateKey.publicKey);
      if (!answers) continue;
      const now = Date.now();
      if (Math.abs(now - peer.handshake) > REKEY) peer.handshake = answers.handshake = now;
      const host = machine.host.underlay.address.address;
      answers.endpoint = { host, port: wireguard!.listenPort };
    }
  }
}

function isAt(
  { machine }: HubResident,
  endpoint: { readonly host: string; readonly port: number } | undefined,
  isInside: boolean,
) {
  const { host: { underlay }, name } = machine;
  const host = isInside ? underlay.address.address : publicAddress(name);
  return endpoint?.host === host && endpoint.port === PORT;
}

/** The key that the hub's interface has. */
function keyOf({ machine }: HubResident): string | undefined {
  return machine.host.wireguard?.ownKey?.publicKey;
}
