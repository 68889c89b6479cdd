import type { IpAddress } from "../ip/address.ts";
import { type Cidr, cidrContains, hostCidr } from "../ip/cidr.ts";
import type { AdmittedPeer } from "./admission.ts";

/** What of a peer matters here; the same object until that changes. */
type Peer = Pick<AdmittedPeer, "allowedIPs">;

/** What spokes reach by a hub: what its allowed-ips hold. */
export class HubReach {
  readonly #allowedIPs: readonly Cidr[];
  /** Peers all of whose prefixes are held: with thousands of them, each is looked at once. */
  readonly #reached = new WeakSet<Peer>();

  /** @param allowedIPs as the hub publishes them. */
  constructor(allowedIPs: readonly Cidr[]) {
    this.#allowedIPs = allowedIPs;
  }

  /**
   * What spokes will miss, for they send to the hub what its allowed-ips hold, and nothing else: Cilium
   * addresses the hub by its InternalIP, and spokes reach each other by the prefixes of peers.
   *
   * @param internalIPs of the hub's Node.
   * @param peers those that have been admitted.
   * @returns a sentence for the administrator; undefined if nothing is missing.
   */
  gap(internalIPs: readonly IpAddress[], peers: Iterable<Peer>): string | undefined {
    const missing = [
      ...internalIPs.map(hostCidr).filter((cidr) => !this.#holds(cidr))
        .map((cidr) => `the hub's InternalIP ${cidr}`),
      // Not which ones: they come and go, and this is to be said once.
      ...(this.#reachesAll(peers) ? [] : ["prefixes of peers"]),
    ];
    if (missing.length === 0) return undefined;
    const allowed = this.#allowedIPs.join(",");
    return `what spokes send to this hub (${allowed}) lacks ${missing.join(" and ")}: ` +
      "they do not reach those; give --allowed-ips wider";
  }

  #reachesAll(peers: Iterable<Peer>): boolean {
    for (const peer of peers) {
      if (this.#reached.has(peer)) continue;
      if (!peer.allowedIPs.every((cidr) => this.#holds(cidr))) return false;
      this.#reached.add(peer);
    }
    return true;
  }

  #holds(cidr: Cidr): boolean {
    return this.#allowedIPs.some((one) => cidrContains(one, cidr));
  }
}
