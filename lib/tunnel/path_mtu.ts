import { familyOf, type IpAddress } from "../ip/address.ts";
import type { Link } from "../netlink/links.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { WantedPeer } from "../wireguard/plan_device.ts";
import { OWN_MARK } from "./plan_policy.ts";

/** What a way carries: the size of the largest packet, in bytes. */
export interface PathMtu {
  readonly address: IpAddress;
  /** By the route that leads there, or else by its interface. */
  readonly mtu: number;
  /** Less than that: what the kernel was told by a router further on. */
  readonly learned?: number;
}

/** WireGuard's own headers: 20 or 40 of IP, 8 of UDP, 32 of WireGuard. */
const OVERHEAD = { 4: 60, 6: 80 } as const;

/**
 * What the ways to the peers carry, outside of the tunnel. Left out: addresses without a way, and
 * those whose way is not outside yet.
 *
 * @param tunnel the name of the tunnel's interface.
 */
export function pathMtus(
  network: Pick<NetworkAccess, "links" | "routeTo">,
  tunnel: string,
  peers: ReadonlyMap<PublicKey, Pick<WantedPeer, "endpoint">> | undefined,
): PathMtu[] {
  const addresses = new Set(
    [...peers?.values() ?? []].flatMap(({ endpoint }) => endpoint?.host ?? []),
  );
  if (addresses.size === 0) return [];
  const links = new Map(network.links().map((link) => [link.index, link]));
  return [...addresses].flatMap((address) => {
    const route = network.routeTo(address, { mark: OWN_MARK });
    const link: Link | undefined = links.get(route?.interfaceIndex ?? 0);
    if (!route || !link || link.name === tunnel) return [];
    if (!route.isLearned || route.mtu === undefined) {
      return [{ address, mtu: route.mtu ?? link.mtu }];
    }
    const configured = network.routeTo(address, { mark: OWN_MARK, configured: true })?.mtu;
    return [{ address, mtu: configured ?? link.mtu, learned: route.mtu }];
  });
}

/** The least of what they carry, by their routes; undefined without any. */
export function narrowest(paths: readonly PathMtu[]): number | undefined {
  return paths.length === 0 ? undefined : Math.min(...paths.map(({ mtu }) => mtu));
}

/**
 * What to say where a router has told this machine that the way to a peer carries less than the
 * tunnel sends; undefined otherwise.
 *
 * It is told of in time, or late, or never: the kernel sends WireGuard's packets over IPv4 without
 * "don't fragment", so that a router splits them and tells nobody, and what is known comes from
 * another connection to the same address, such as that to an API server there. Over IPv6, and by
 * wireguard-go, the tunnel's own packets bring it to light. In any case they are split, not lost, so
 * the tunnel's MTU is not made to follow what will be forgotten within ten minutes.
 *
 * @param mtu the tunnel's.
 */
export function narrowPath(paths: readonly PathMtu[], mtu: number): string | undefined {
  for (const { address, learned } of paths) {
    const overhead = OVERHEAD[familyOf(address)];
    if (learned === undefined || learned >= mtu + overhead) continue;
    return `the way to ${address} carries ${learned} bytes a packet, so the tunnel's larger ones are ` +
      `sent in pieces: set WG_MTU to ${learned - overhead}, here and on the hub`;
  }
  return undefined;
}
