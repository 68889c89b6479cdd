import type { Cidr } from "../../lib/ip/cidr.ts";
import type { ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import type { Device, DeviceConfig, Peer, PeerConfig } from "../../lib/wireguard/device.ts";
import type { PrivateKey, PublicKey } from "../../lib/wireguard/key.ts";

interface KernelPeer {
  endpoint?: ResolvedEndpoint;
  keepalive: number;
  handshake: number;
}

/** Told what the interface is like after each single entry of a message. */
export interface KernelWitness {
  /** Before the first entry. */
  begins(config: DeviceConfig): void;
  after(): void;
  /** After the last entry. */
  ends(): void;
}

/** The process that was configuring has been killed: its remaining entries never reach the kernel. */
export class Killed extends Error {
  override name = "Killed";
}

/**
 * A WireGuard interface as the kernel has it: one table from prefix to peer, in which whoever is given
 * a prefix takes it from the other. Entries that name the own key, or update or remove a peer that is
 * not there, are silently ignored.
 */
export class SimulatedKernel {
  readonly peers = new Map<PublicKey, KernelPeer>();
  readonly owners = new Map<Cidr, PublicKey>();
  ownKey: PrivateKey | undefined;
  #listenPort = 0;
  readonly #witness: KernelWitness;
  /** Entries until whoever configures is killed, or is refused the rest. */
  interruption: { after: number; readonly error: () => Error } | undefined;

  constructor(witness: KernelWitness) {
    this.#witness = witness;
  }

  /** Applies a configuration entry by entry. @throws whatever interrupts it; what came before stands. */
  configure(config: DeviceConfig): void {
    this.#witness.begins(config);
    if (config.privateKey) {
      this.ownKey = config.privateKey;
      this.removePeer(config.privateKey.publicKey);
    }
    this.#listenPort = config.listenPort ?? this.#listenPort;
    for (const entry of config.peers.flatMap(onTheWire)) {
      if (this.interruption && this.interruption.after-- <= 0) {
        const { error } = this.interruption;
        this.interruption = undefined;
        throw error();
      }
      this.#apply(entry);
      this.#witness.after();
    }
    this.#witness.ends();
  }

  /** Gives a peer, which is made if it is missing, a prefix. */
  give(key: PublicKey, cidr: Cidr): void {
    this.#apply({ publicKey: key, allowedIPs: [cidr] });
  }

  /** Takes a peer and its prefixes away. */
  removePeer(key: PublicKey): void {
    this.peers.delete(key);
    for (const [cidr, owner] of this.owners) {
      if (owner === key) this.owners.delete(cidr);
    }
  }

  read(): Device {
    const allowedIPs = new Map<PublicKey, Cidr[]>([...this.peers.keys()].map((key) => [key, []]));
    for (const [cidr, key] of this.owners) allowedIPs.get(key)!.push(cidr);
    const peers = [...this.peers].map(([publicKey, peer]): [PublicKey, Peer] => [publicKey, {
      publicKey,
      ...(peer.endpoint && { endpoint: peer.endpoint }),
      persistentKeepalive: peer.keepalive,
      allowedIPs: allowedIPs.get(publicKey)!,
      lastHandshake: peer.handshake,
      rxBytes: 0,
      txBytes: 0,
    }]);
    return {
      name: "wg0",
      ...(this.ownKey && { privateKey: this.ownKey }),
      listenPort: this.#listenPort,
      fwmark: 0,
      peers: new Map(peers),
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
