import type { Refusal } from "../contract/refusal.ts";
import type { Cidr, InterfaceAddress } from "../ip/cidr.ts";
import type { ResolvedEndpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { PeerState } from "./peer_state.ts";

/** What `status` tells, for people and programs alike. Times are milliseconds since 1970. */
export interface StatusReport {
  readonly program: "hub" | "spoke";
  /** The Node that this machine is. */
  readonly node: string;
  readonly time: number;
  readonly standing: Standing;
  readonly interface: InterfaceStatus;
  readonly api: ApiStatus;
  /** All Nodes that bear the hub's label, the active one first. Empty also while the API is away. */
  readonly hubs: readonly HubStatus[];
  readonly peers: readonly PeerStatus[];
  /** What else could not be told, or is wrong: a sentence each. */
  readonly troubles: readonly string[];
}

/** How the program stands with its cluster, in a word or two, and what hinders it. */
export interface Standing {
  readonly state:
    | "ready"
    | "not ready"
    | "not running"
    | "registered"
    | "not registered"
    | "unknown";
  readonly reasons: readonly string[];
}

/** The WireGuard interface as the kernel has it. */
export interface InterfaceStatus {
  readonly name: string;
  /** Whether it is there, and is WireGuard's. */
  readonly found: boolean;
  /** Whether it is switched on. */
  readonly up: boolean;
  readonly backend?: "kernel" | "userspace";
  readonly publicKey?: PublicKey;
  readonly mtu?: number;
  readonly listenPort?: number;
  readonly addresses: readonly InterfaceAddress[];
}

/** Whether the API server answers. */
export interface ApiStatus {
  readonly ok: boolean;
  /** Where it is, as the credential says; absent where that cannot be read. */
  readonly server?: string;
  /** Why it could not be asked. */
  readonly reason?: string;
}

/** A Node that says it is a hub. */
export interface HubStatus {
  readonly node: string;
  /** Whether it is the one that everybody uses. */
  readonly active: boolean;
  readonly ready: boolean;
  /** What is wrong with what it says. */
  readonly refusals: readonly Refusal[];
}

/** A peer of the interface, or a Node that should be one. */
export interface PeerStatus {
  /** Absent where no Node is known to have the key. */
  readonly node?: string;
  readonly publicKey?: PublicKey;
  readonly state: PeerState | "refused";
  readonly endpoint?: ResolvedEndpoint;
  readonly allowedIPs: readonly Cidr[];
  /** 0 if there has been none. */
  readonly lastHandshake: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** What its Node asks for and does not get. */
  readonly refusals: readonly Refusal[];
  /** Why it is not what one might expect. */
  readonly note?: string;
}

/** Whether all that a status tells could be told. */
export function isComplete({ interface: { found }, api }: StatusReport): boolean {
  return found && api.ok;
}
