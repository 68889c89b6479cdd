import type { InterfaceAddress } from "../ip/cidr.ts";
import type { Device } from "../wireguard/device.ts";
import type { WantedPeers } from "../wireguard/plan_device.ts";
import type { OwnTunnel } from "../tunnel/open_tunnel.ts";
import { narrowest, narrowPath, pathMtus } from "../tunnel/path_mtu.ts";
import type { OutsideServers } from "../tunnel/plan_policy.ts";
import { spokePolicy } from "./spoke_policy.ts";
import { type Surroundings, tunnelMtu } from "../tunnel/surroundings.ts";
import type { WantedTunnel } from "../tunnel/wanted_tunnel.ts";

/** The options of a spoke that say what its interface is like. */
export interface SpokeTunnelOptions {
  readonly interface: string;
  readonly address: readonly InterfaceAddress[];
  readonly mtu: number | undefined;
  readonly listenPort: number;
}

/** Whom a spoke's end of the tunnel leads to, and past whom. */
export interface SpokeEnds {
  /** The hub as the only peer, with all prefixes that are routed to it; undefined: none is known yet. */
  readonly hub: WantedPeers | undefined;
  /** All peers that the interface is to have; undefined: those that it has. */
  readonly peers: WantedPeers | undefined;
  /** The interface as it is now. */
  readonly device: Device | undefined;
  readonly outside: OutsideServers;
}

/** A spoke's end of the tunnel, and what to say if a way to a peer carries less than it sends. */
export interface SpokeTunnel {
  readonly wanted: WantedTunnel;
  readonly narrow: string | undefined;
}

/**
 * The spoke's end of the tunnel as it should be, for which it is read by which ways the peers are
 * reached.
 */
export function wantedSpokeTunnel(
  options: SpokeTunnelOptions,
  { network, privateKey }: Pick<OwnTunnel, "network" | "privateKey">,
  { underlayMtu }: Surroundings,
  { hub, peers, device, outside }: SpokeEnds,
): SpokeTunnel {
  const { address, listenPort } = options;
  // What a peer of the site has lies within the hub's prefixes.
  const routed = [...(hub ?? device?.peers)?.values() ?? []];
  const paths = pathMtus(network, options.interface, peers ?? device?.peers);
  const mtu = options.mtu ?? tunnelMtu(narrowest(paths) ?? underlayMtu);
  const wanted = {
    addresses: address,
    mtu,
    policy: spokePolicy(network, routed, outside),
    device: { privateKey, listenPort, fwmark: 0, ...(peers && { peers }) },
  };
  return { wanted, narrow: narrowPath(paths, mtu) };
}
