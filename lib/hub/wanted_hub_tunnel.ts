import type { Judgement } from "../contract/admission.ts";
import type { Ledger } from "../contract/ledger.ts";
import { wantedPeers } from "../contract/wanted_peers.ts";
import { familyOf } from "../ip/address.ts";
import { bitsOf, type Cidr, type InterfaceAddress } from "../ip/cidr.ts";
import type { PrivateKey } from "../wireguard/key.ts";
import { membersPolicy } from "../tunnel/plan_members.ts";
import { type Surroundings, tunnelMtu } from "../tunnel/surroundings.ts";
import type { WantedTunnel } from "../tunnel/wanted_tunnel.ts";

/** The options of a hub that say what its interface is like. */
export interface HubTunnelOptions {
  readonly interface: string;
  readonly address: readonly InterfaceAddress[];
  readonly mtu: number | undefined;
  readonly listenPort: number;
}

/**
 * The hub's end of the tunnel as it should be. Before the first judgement its peers stay as they are.
 *
 * @param isRouting whether packets are to go to its peers. If not, its addresses come without their
 * networks, too: the kernel would make routes of them.
 * @param membersBefore what members had when the last program ended.
 */
export function wantedHubTunnel(
  { interface: name, address, mtu, listenPort }: HubTunnelOptions,
  privateKey: PrivateKey,
  { underlayMtu, routes }: Surroundings,
  judgement: Judgement | undefined,
  isRouting: boolean,
  membersBefore: Ledger["asMembers"],
): WantedTunnel {
  const peers = judgement && wantedPeers(judgement.admitted);
  const ofMembers: Cidr[] = [];
  for (const { isMember, allowedIPs } of judgement?.admitted.values() ?? []) {
    if (isMember) ofMembers.push(...allowedIPs);
  }
  const members = membersPolicy(isRouting ? ofMembers : [], name, address);
  return {
    addresses: isRouting ? address : address.map(alone),
    isRouting,
    otherRoutes: routes,
    ...((judgement || !isRouting) && { members }),
    ...(!judgement && { membersBefore }),
    mtu: mtu ?? tunnelMtu(underlayMtu),
    device: { privateKey, listenPort, fwmark: 0, ...(peers && { peers }) },
  };
}

function alone({ address }: InterfaceAddress): InterfaceAddress {
  return { address, prefixLength: bitsOf(familyOf(address)) };
}
