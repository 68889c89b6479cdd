import { narrowPath, type PathMtu } from "../../tunnel/path_mtu.ts";
import { tunnelMtu } from "../../tunnel/surroundings.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import { familyOf } from "../../ip/address.ts";

/** A device by which a network plugin reaches pods. */
export interface PodDevice {
  readonly name: string;
  readonly mtu: number;
  /** The kind of link, e.g. `vxlan`. */
  readonly kind?: string;
}

/** The sizes of packets along the way, in bytes. */
export interface MtuFacts {
  readonly name: string;
  /** The tunnel's; undefined without the interface. */
  readonly mtu: number | undefined;
  /** What the ways to the peers carry outside of the tunnel. */
  readonly paths: readonly PathMtu[];
  /** Of the device that has the default route. */
  readonly underlayMtu: number | undefined;
  readonly podDevices: readonly PodDevice[];
}

/** WireGuard's own headers by the family outside: 20 or 40 of IP, 8 of UDP, 32 of WireGuard. */
const OVERHEAD = { 4: 60, 6: 80 } as const;
/** The headers of VXLAN over IPv4: 14 of Ethernet, 20, 8, and 8 of its own. */
const VXLAN = 50;

/**
 * Each packet must fit into the next: of a pod into the tunnel, of the tunnel into the network
 * outside. A Cilium device has the MTU of the network that Cilium believes to be on, and Cilium takes
 * its own headers off in the routes of pods; other plugins' overlays have the MTU of what is inside.
 */
export function checkMtu({ name, mtu, paths, underlayMtu, podDevices }: MtuFacts): Finding {
  if (mtu === undefined) return skipped(`there is no ${name}`);
  for (const { address, mtu: carried } of paths) {
    const room = carried - OVERHEAD[familyOf(address)];
    if (mtu <= room) continue;
    return failed(
      `${name} has ${mtu}, but the way to ${address} carries ${carried}, which leaves ${room}: large ` +
        "packets go in pieces or are lost",
      `set --mtu (WG_MTU) to ${tunnelMtu(carried)} or less, or leave it out; and on the other end`,
    );
  }
  if (paths.length === 0 && underlayMtu !== undefined && mtu > underlayMtu - OVERHEAD[4]) {
    return failed(
      `${name} has ${mtu}, but the network outside carries ${underlayMtu}`,
      `set --mtu (WG_MTU) to ${tunnelMtu(underlayMtu)} or less, or leave it out`,
    );
  }
  const narrow = narrowPath(paths, mtu);
  if (narrow !== undefined) return warning(narrow);
  const room = ({ name, kind }: PodDevice) =>
    mtu - (kind === "vxlan" && !name.startsWith("cilium_") ? VXLAN : 0);
  const large = podDevices.find((device) => device.mtu > room(device));
  if (large) {
    return warning(
      `${large.name} has ${large.mtu}, more than the ${
        room(large)
      } that ${name} leaves it: large ` +
        "packets of pods do not pass",
      large.name.startsWith("cilium_")
        ? `set MTU: ${mtu} in Cilium's values`
        : `set the network plugin's MTU to ${room(large)} or less`,
    );
  }
  const outside = paths[0]?.mtu ?? underlayMtu;
  const chain = [
    ...(outside === undefined ? [] : [`outside ${outside}`]),
    `${name} ${mtu}`,
    ...podDevices.map((device) => `${device.name} ${device.mtu}`),
  ];
  return ok(chain.join(", "));
}
