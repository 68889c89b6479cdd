import type { Cidr } from "../ip/cidr.ts";
import type { ResolvedEndpoint } from "../ip/endpoint.ts";
import type { PrivateKey, PublicKey } from "./key.ts";

/** A WireGuard interface as it was found. */
export interface Device {
  readonly name: string;
  /** Absent while the interface has no key. */
  readonly privateKey?: PrivateKey;
  /** 0 while none is bound. */
  readonly listenPort: number;
  readonly fwmark: number;
  readonly peers: ReadonlyMap<PublicKey, Peer>;
}

/** A peer as it was found. */
export interface Peer {
  readonly publicKey: PublicKey;
  /** Configured, or learned from the last authenticated packet: they cannot be told apart. */
  readonly endpoint?: ResolvedEndpoint;
  /** Seconds; 0 is off. */
  readonly persistentKeepalive: number;
  readonly allowedIPs: readonly Cidr[];
  /** Milliseconds since 1970; 0 if there has been none. */
  readonly lastHandshake: number;
  readonly rxBytes: number;
  readonly txBytes: number;
}

/**
 * What to tell a WireGuard interface, in this order: its own settings, then the peers from first to
 * last. Only what is present changes; nothing is ever replaced as a whole.
 */
export interface DeviceConfig {
  readonly privateKey?: PrivateKey;
  readonly listenPort?: number;
  readonly fwmark?: number;
  readonly peers: readonly PeerConfig[];
}

/** What to tell about one peer. A prefix that is added is taken from whoever had it, without a gap. */
export interface PeerConfig {
  readonly publicKey: PublicKey;
  /** Forget the peer (and all its prefixes), after its `allowedIPs` here are added. */
  readonly remove?: boolean;
  /** Do nothing if the interface has no such peer, rather than make it. */
  readonly updateOnly?: boolean;
  readonly endpoint?: ResolvedEndpoint;
  /** Seconds; 0 turns it off. */
  readonly persistentKeepalive?: number;
  /** Prefixes to add. */
  readonly allowedIPs?: readonly Cidr[];
}

/** A way to read and configure WireGuard interfaces: the kernel's, or a userspace program's. */
export interface WireGuardBackend {
  readonly kind: "kernel" | "userspace";
  /** Makes an interface of that name, down and without configuration. */
  create(name: string): Promise<void>;
  /** Reads an interface. Undefined if there is none of that name, or it is not a WireGuard interface. */
  read(name: string): Promise<Device | undefined>;
  /** Applies a configuration. @throws {Error} if any part was refused; what came before it stands. */
  configure(name: string, config: DeviceConfig): Promise<void>;
}
