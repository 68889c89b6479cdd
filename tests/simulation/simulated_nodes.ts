import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { type Cidr, hostCidr } from "../../lib/ip/cidr.ts";
import { type PublicKey, publicKeyFromBytes, ZERO_KEY } from "../../lib/wireguard/key.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { HUBS, MEMBERS, prefixesOf, type SimulatedMachine, SPOKES } from "./simulated_machine.ts";

export const KEYS = annotationKeys("wireguard.kube/");
/** The annotation that says which version of a Node somebody has seen. */
export const VERSION = "simulation/version";

/** What a Node really asks for, known without reading its annotations. */
export interface TrueClaim {
  /** Absent if the Node is no peer, or its key is garbage. */
  readonly key?: PublicKey;
  readonly prefixes: readonly Cidr[];
}

const text = (list: string) => list.split(" ") as Cidr[];

/** Prefixes that somebody may have; many overlap. */
export const LEGAL = text(
  "10.1.0.0/24 10.1.0.0/25 10.1.0.128/25 10.2.0.0/24 10.2.0.7/32 10.3.0.0/24 10.4.0.0/16 " +
    "100.96.0.2/32 100.96.0.3/32 100.96.0.4/32 fd00:0:0:1::/64 fd00:0:0:1::5/128 fd00:0:0:2::/64 " +
    "10.9.0.1/32 10.9.0.2/32 10.9.0.3/32 10.9.0.4/32 10.9.0.5/32 10.9.0.6/32 10.9.0.7/32 " +
    "100.96.1.1/32 10.20.2.0/24",
);

/** Prefixes that nobody may have: the hub's, its network's, not private, not unicast. */
export const ILLEGAL = text(
  "0.0.0.0/0 100.96.0.1/32 100.96.0.0/24 8.8.8.0/24 192.168.1.0/24 192.168.1.128/25 10.0.0.50/32 " +
    "10.0.0.0/8 127.0.0.1/32 169.254.1.0/24 224.0.0.1/32 ::/0 fe80::1/128 2001:db8::/32",
);

const GARBAGE = ["x", "10.1.0.0/33", "999.1.1.1/8", "10.1.0.0/24\nPostUp = x", "\u202e", "-"];
const ENDPOINTS = [
  "203.0.113.5:51820",
  "198.51.100.7:1000",
  "100.96.0.9:1",
  "10.1.0.9:51820",
  "127.0.0.1:5",
  "somewhere.example:7",
  "a:b:c",
  "[2001:db8::9]:51820",
];

/** The key of a small number other than 0. */
export const keyOf = (number: number): PublicKey =>
  publicKeyFromBytes(new Uint8Array(32).fill(number));

/** Everybody's keys are known to everybody. */
const STOLEN_KEYS = [
  ...Array.from({ length: 8 }, (_, index) => keyOf(index + 1)),
  ...[...HUBS, ...SPOKES, ...MEMBERS].map(({ privateKey }) => privateKey.publicKey),
];

/** The names of the Nodes that come and go, and the address that each is given. */
export const NAMES = Array.from({ length: 7 }, (_, index) => `edge-${index + 1}`);
export const internalIP = (name: string) => `10.9.0.${name.slice(-1)}` as IpAddress;

/** Draws what a Node says: mostly its own key and something that it may have, at times anything. */
export function drawNode(
  random: SeededRandom,
  name: string,
): {
  readonly node: Pick<NodeView, "name" | "labels" | "annotations" | "status">;
  claim: TrueClaim;
} {
  const annotations: Record<string, string> = {};
  const own = keyOf(Number(name.slice(-1)));
  const key = random.chance(0.7)
    ? own
    : random.pick([random.pick(STOLEN_KEYS), random.pick(STOLEN_KEYS), ZERO_KEY, undefined]);
  if (key !== undefined) annotations[KEYS.publicKey] = key;
  else if (random.chance(0.5)) annotations[KEYS.publicKey] = random.pick(GARBAGE);
  let prefixes: Cidr[] = [`${internalIP(name)}/32` as Cidr];
  if (random.chance(0.8)) {
    prefixes = random.some(LEGAL, 4);
    const asked = [...prefixes, ...random.some(ILLEGAL, 1), ...random.some(GARBAGE, 1)];
    annotations[KEYS.allowedIPs] = asked.join(random.pick([",", ", "]));
  }
  if (random.chance(0.5)) annotations[KEYS.endpoint] = random.pick(ENDPOINTS);
  const isPeer = random.chance(0.93);
  const isGood = isPeer && key !== undefined && key !== ZERO_KEY;
  return {
    node: {
      name,
      labels: { [KEYS.peer]: isPeer ? MARKED : "false" },
      annotations,
      status: { internalIPs: [internalIP(name)], externalIPs: [], ready: true },
    },
    claim: { ...(isGood && { key }), prefixes },
  };
}

/** What the Node of a real spoke asks for: what the spoke has written there, whole, or less. */
export function claimOfSpoke({ kind }: SimulatedMachine, node: NodeView): TrueClaim {
  const { annotations, labels } = node;
  const key = kind.privateKey.publicKey;
  const prefixes = prefixesOf(kind);
  const isGood = labels[KEYS.peer] === MARKED && annotations[KEYS.publicKey] === key;
  const asksAll = annotations[KEYS.allowedIPs] === prefixes.join(",");
  return { ...(isGood && { key }), prefixes: asksAll ? prefixes : [] };
}

/** What the Node of a real member asks for, as far as its Node has those addresses. */
export function claimOfMember({ kind }: SimulatedMachine, node: NodeView): TrueClaim {
  const { annotations, labels, status } = node;
  const key = kind.privateKey.publicKey;
  const own = (status?.internalIPs ?? []).map(hostCidr);
  const asked = annotations[KEYS.allowedIPs];
  const isMember = [KEYS.peer, KEYS.member].every((label) => labels[label] === MARKED);
  return {
    ...(isMember && annotations[KEYS.publicKey] === key && { key }),
    prefixes: asked === undefined ? own : own.filter((cidr) => asked.split(",").includes(cidr)),
  };
}

/** The Node of a machine as its kubelet registers it, or as the cloud has it. */
export function nodeOf(
  { kind, host }: SimulatedMachine,
  { uid, createdAt }: Pick<NodeView, "uid" | "createdAt">,
): NodeView {
  const { address } = host.underlay.address;
  const outside = kind.role === "hub" ? publicAddress(kind.name) : undefined;
  return {
    name: kind.name,
    uid,
    createdAt,
    labels: {},
    annotations: {},
    status: { internalIPs: [address], externalIPs: outside ? [outside] : [], ready: true },
  };
}

/** Where a hub is reached from outside: its ExternalIP. */
export const publicAddress = (name: string) => `192.0.2.${name.slice(-1)}` as IpAddress;
