import type { Cidr } from "../../lib/ip/cidr.ts";
import type { ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import type { Device, DeviceConfig, Peer, PeerConfig } from "../../lib/wireguard/device.ts";
import type { PrivateKey, PublicKey } from "../../lib/wireguard/key.ts";

interface KernelPeer {
  endpoint?: ResolvedEndpoint;
  keepalive: number;
  handshake: number;
}

/** Told what an interface is like after each single entry of a message. */
export interface KernelWitness {
  /** Before the first entry. */
  begins(config: DeviceConfig): void;
  after(): void;
  /** After the last entry. */
  ends(): void;
  /** A process has taken the interface away. */
  removed(): void;
  /** A process has taken a route or an address away. */
  took(what: string): void;
}

/**
 * A WireGuard interface as the kernel has it: one table from prefix to peer, in which whoever is given
 * a prefix takes it from the other. Entries that name the own key, or update or remove a peer that is
 * not there, are silently ignored.
 */
export class SimulatedWireGuard {
  readonly peers = new Map<PublicKey, KernelPeer>();
  readonly owners = new Map<Cidr, PublicKey>();
  ownKey: PrivateKey | undefined;
  listenPort = 0;
  #fwmark = 0;

  /**
   * Applies a configuration entry by entry.
   *
   * @param step called before each entry. @throws whatever that throws; what came before stands.
   */
  configure(config: DeviceConfig, step: () => void, witness: KernelWitness): void {
    witness.begins(config);
    if (config.privateKey) {
      this.ownKey = config.privateKey;
      this.removePeer(config.privateKey.publicKey);
    }
    this.listenPort = config.listenPort ?? this.listenPort;
    this.#fwmark = config.fwmark ?? this.#fwmark;
    for (const entry of config.peers.flatMap(onTheWire)) {
      step();
      this.#apply(entry);
      witness.after();
    }
    witness.ends();
  }

  /** Gives a peer, which is made if it is missing, a prefix. */
  give(key: PublicKey, cidr: Cidr): void {
    this.#apply({ publicKey: key, allowedIPs: [cidr] });
  }

  /** Takes a peer and its prefixes away. */
  removePeer(key: PublicKey): void {
    if (!this.peers.delete(key)) return;
    for (const [cidr, owner] of this.owners) {
      if (owner === key) this.owners.delete(cidr);
    }
  }

  read(): Device {
    const allowedIPs = new Map<PublicKey, Cidr[]>();
    for (const key of this.peers.keys()) allowedIPs.set(key, []);
    for (const [cidr, key] of this.owners) allowedIPs.get(key)!.push(cidr);
    const peers = new Map<PublicKey, Peer>();
    for (const [publicKey, peer] of this.peers) {
      peers.set(publicKey, {
        publicKey,
        ...(peer.endpoint && { endpoint: peer.endpoint }),
        persistentKeepalive: peer.keepalive,
        allowedIPs: allowedIPs.get(publicKey)!,
        lastHandshake: peer.handshake,
        rxBytes: 0,
        txBytes: 0,
      });
    }
    return {
      name: "wg0",
      ...(this.ownKey && { privateKey: this.ownKey }),
      listenPort: this.listenPort,
      fwmark: this.#fwmark,
      peers,
    };
  }

  #apply(entry: PeerConfig): void {
    const { publicKey } = entry;
    let peer = this.peers.get(publicKey);
    if (!peer) {
      if (entry.remove || entry.updateOnly || publicKey === this.ownKey?.publicKey) return;
      this.peers.set(publicKey, peer = { keepalive: 0, handshake: 0 });
    }
    if (entry.remove) return this.removePeer(publicKey);
    if (entry.endpoint) peer.endpoint = entry.endpoint;
    peer.keepalive = entry.persistentKeepalive ?? peer.keepalive;
    for (const cidr of entry.allowedIPs ?? []) this.owners.set(cidr, publicKey);
  }
}

/** A peer that is to take prefixes and then to go is two entries in a message. */
function onTheWire(entry: PeerConfig): PeerConfig[] {
  if (!entry.remove || !entry.allowedIPs) return [entry];
  const { remove: _, ...given } = entry;
  return [given, { publicKey: entry.publicKey, remove: true }];
}
