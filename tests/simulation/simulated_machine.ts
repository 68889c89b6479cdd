import type { Publication } from "../../lib/contract/publication.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { type Cidr, hostCidr, type InterfaceAddress } from "../../lib/ip/cidr.ts";
import { printPrivateKey, type PrivateKey, privateKeyFromBytes } from "../../lib/wireguard/key.ts";
import { SimulatedDisk } from "./simulated_disk.ts";
import { SimulatedHost, type Underlay } from "./simulated_host.ts";

/** What a machine is there for, and with which options its program is started. */
export interface MachineKind {
  readonly name: string;
  readonly role: "hub" | "spoke" | "member";
  readonly privateKey: PrivateKey;
  /** The tunnel's own end. */
  readonly address: readonly InterfaceAddress[];
  /** Where it can be in the network around it; the first is where it begins. */
  readonly underlays: readonly Underlay[];
  /** A hub's --endpoint. */
  readonly endpoint?: { readonly host: IpAddress; readonly port: number };
  /** A spoke's WG_ALLOWED_IPS. */
  readonly allowedIPs?: readonly Cidr[];
  /** A member's WG_TUNNEL_CIDRS. */
  readonly tunnelCidrs?: readonly Cidr[];
}

/** Where a hub and a spoke listen. */
export const PORT = 51820;
/** Where the programs keep their files, as a {@linkcode SimulatedDisk} names them. */
export const FILES = {
  key: "etc/wireguard/private.key",
  lastKnownGood: "etc/wireguard/wg0.conf",
  state: "var/lib/wg-kube",
  ledger: "var/lib/wg-kube/ledger.json",
} as const;

/** A machine with what outlives the processes on it. */
export class SimulatedMachine {
  readonly kind: MachineKind;
  readonly host: SimulatedHost;
  readonly disk = new SimulatedDisk();
  /** The token in its credential's file. */
  token = 1;
  /** Whether an administrator has ever taken the hub's label from its Node, or said no to a member. */
  wasUnlabelled = false;

  constructor(kind: MachineKind) {
    this.kind = kind;
    this.host = new SimulatedHost(kind.underlays[0]!);
    this.disk.files.set(FILES.key, printPrivateKey(kind.privateKey));
  }

  get name(): string {
    return this.kind.name;
  }
}

const KEYS = await Promise.all(
  [101, 102, 103, 104, 105, 106].map((byte) => privateKeyFromBytes(new Uint8Array(32).fill(byte))),
);

const address = (text: string, prefixLength: number): InterfaceAddress => ({
  address: text as IpAddress,
  prefixLength,
});

/** Both are started with the options of one DaemonSet; the second learns its endpoint from its Node. */
export const HUBS: readonly MachineKind[] = [1, 2].map((number) => ({
  name: `hub-${number}`,
  role: "hub",
  privateKey: KEYS[number - 1]!,
  address: [address("100.96.0.1", 12)],
  underlays: [0, 100].map((more) => ({
    address: address(`192.168.1.${number + 1 + more}`, 24),
    gateway: "192.168.1.1" as IpAddress,
    beyond: { destination: "10.200.0.0/16" as Cidr, gateway: "10.0.0.50" as IpAddress },
  })),
  ...(number === 1 && { endpoint: { host: "192.0.2.1" as IpAddress, port: PORT } }),
}));

export const SPOKES: readonly MachineKind[] = [1, 2].map((number) => ({
  name: `spoke-${number}`,
  role: "spoke",
  privateKey: KEYS[number + 1]!,
  address: [address(`100.96.1.${number}`, 32)],
  underlays: [10, 20, 30].map((more) => ({
    address: address(`203.0.113.${number + more}`, 24),
    gateway: "203.0.113.254" as IpAddress,
  })),
  ...(number === 2 && { allowedIPs: ["100.96.1.2/32", "10.20.2.0/24"] as Cidr[] }),
}));

/** Nodes of the cluster: the first in the hubs' own network, the second behind a router of it. */
export const MEMBERS: readonly MachineKind[] = [1, 2].map((number) => ({
  name: `member-${number}`,
  role: "member",
  privateKey: KEYS[number + 3]!,
  address: [],
  underlays: [0, 10, 20].map((more) => ({
    address: address(`${number === 1 ? "192.168.1" : "10.200.0"}.${50 + number + more}`, 24),
    gateway: `${number === 1 ? "192.168.1" : "10.200.0"}.254` as IpAddress,
  })),
  tunnelCidrs: ["100.96.0.0/12"] as Cidr[],
}));

/** Whether an address is one of a member, now or at some time. */
export function isOfMember(cidr: Cidr): boolean {
  return MEMBERS.some(({ underlays }) =>
    underlays.some(({ address }) => hostCidr(address.address) === cidr)
  );
}

/** The prefixes that a spoke asks for. */
export function prefixesOf({ allowedIPs, address }: MachineKind): Publication["allowedIPs"] {
  return allowedIPs ?? address.map(({ address }) => `${address}/32` as Cidr);
}
