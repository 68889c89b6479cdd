import { cidrParts, hostCidr, networkOf, parseInterfaceAddress } from "../ip/cidr.ts";
import type { Cidr } from "../ip/cidr.ts";
import { type Endpoint, parseEndpoint } from "../ip/endpoint.ts";
import { parsePublicKey, type PublicKey, ZERO_KEY } from "../wireguard/key.ts";
import { type AnnotationKeys, MARKED } from "./annotation_keys.ts";
import type { NodeView } from "./node.ts";
import type { Refusal, RefusalCode, Remark } from "./refusal.ts";

/** What a Node says of itself, parsed: a claim, not yet a right. */
export interface Claim {
  /** The Node's name: the identity that its kubelet's certificate proves. */
  readonly node: string;
  /** Whether the Node is a hub, too: it claims nothing then, and its addresses are nobody's. */
  readonly isHub?: boolean;
  /** Whether the Node is on the hub's own network: it claims its InternalIPs, and nothing else. */
  readonly isMember?: boolean;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Absent until the Node has published one. */
  readonly publicKey?: PublicKey;
  readonly endpoint?: Endpoint;
  /** The prefixes asked for, each once; undefined if the Node leaves it to its InternalIPs. */
  readonly allowedIPs?: readonly Cidr[];
  /** What could not be read. The rest of the claim stands. */
  readonly faults: readonly Refusal[];
  /** What was read otherwise than it is written; absent where nothing was. */
  readonly remarks?: readonly Remark[];
}

/** More prefixes than this of one Node are refused. */
export const MAX_PREFIXES = 64;
/** Nothing behind so many commas is looked at. */
const MAX_PIECES = 4 * MAX_PREFIXES;

/** Reads a Node's annotations. Garbage becomes faults; it never throws. */
export function claimOf(node: NodeView, keys: AnnotationKeys): Claim {
  const faults: Refusal[] = [];
  const refuse: Refuse = (subject, value, reason, code = "malformed") => {
    faults.push({ node: node.name, subject, value: quoted(value), code, reason });
  };
  const publicKey = readPublicKey(node.annotations[keys.publicKey], refuse);
  const endpoint = readEndpoint(node.annotations[keys.endpoint], refuse);
  const remarks: Remark[] = [];
  const remark = (value: string, reason: string) => {
    const asked = { node: node.name, subject: "allowed-ips", value: quoted(value) } as const;
    remarks.push({ ...asked, code: "host-bits", reason });
  };
  const allowedIPs = readAllowedIPs(node.annotations[keys.allowedIPs], refuse, remark);
  return {
    node: node.name,
    createdAt: node.createdAt,
    ...(publicKey && { publicKey }),
    ...(endpoint && { endpoint }),
    ...(allowedIPs && { allowedIPs }),
    faults,
    ...(remarks.length > 0 && { remarks }),
  };
}

/**
 * As {@linkcode claimOf}, of a Node that a hub takes for a peer. One that is a hub itself claims
 * nothing: what it says is for spokes, and as a peer's claim it would ask for all that they send.
 */
export function peerClaimOf(node: NodeView, keys: AnnotationKeys): Claim {
  if (node.labels[keys.hub] !== MARKED) {
    const claim = claimOf(node, keys);
    return node.labels[keys.member] === MARKED ? { ...claim, isMember: true } : claim;
  }
  const fault: Refusal = {
    node: node.name,
    subject: "public-key",
    value: quoted(node.annotations[keys.publicKey] ?? ""),
    code: "hub",
    reason: "is that of another hub, which is no peer",
  };
  return { node: node.name, createdAt: node.createdAt, isHub: true, faults: [fault] };
}

/** The claim of a Node that names no prefixes: its own InternalIPs. As long as it has none: as it is. */
export function withInternalIPs(
  claim: Claim,
  node: Pick<NodeView, "status"> | undefined,
): Claim {
  const internalIPs = node?.status?.internalIPs ?? [];
  if (claim.allowedIPs || internalIPs.length === 0) return claim;
  return { ...claim, allowedIPs: internalIPs.slice(0, MAX_PREFIXES).map(hostCidr) };
}

/** The order of precedence: older Nodes first; of two born in the same second, the lesser name. */
export function byAge(a: Claim, b: Claim): number {
  return a.createdAt - b.createdAt || (a.node < b.node ? -1 : 1);
}

/** A stranger's text in quotes, its control characters escaped and its length bounded. */
export function quoted(text: string): string {
  // Text outside printable ASCII could reorder or hide what stands around it in a terminal.
  const escaped = JSON.stringify(text.slice(0, 64)).replaceAll(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return text.length > 64 ? `${escaped}…` : escaped;
}

type Refuse = (
  subject: Refusal["subject"],
  value: string,
  reason: string,
  code?: RefusalCode,
) => void;

function readPublicKey(text: string | undefined, refuse: Refuse): PublicKey | undefined {
  if (text === undefined || text === "") return undefined;
  const key = text.length > 64 ? undefined : parsePublicKey(text.trim());
  if (key !== undefined && key !== ZERO_KEY) return key;
  refuse("public-key", text, "is not the base64 text of a 32-byte key");
}

function readEndpoint(text: string | undefined, refuse: Refuse): Endpoint | undefined {
  if (text === undefined || text === "") return undefined;
  const endpoint = text.length > 300 ? undefined : parseEndpoint(text.trim());
  if (endpoint) return endpoint;
  refuse("endpoint", text, "is not of the form IP:port, [IPv6]:port or name:port");
}

function readAllowedIPs(
  text: string | undefined,
  refuse: Refuse,
  remark: (value: string, reason: string) => void,
): Cidr[] | undefined {
  if (text === undefined) return undefined;
  // The bound on the pieces is a bound on the work and on the faults that a stranger can cause.
  const all = text.split(",", MAX_PIECES + 1).map((piece) => piece.trim());
  const pieces = all.slice(0, MAX_PIECES).filter((piece) => piece !== "");
  const cidrs = new Set<Cidr>();
  for (const piece of pieces.slice(0, MAX_PREFIXES)) {
    const parsed = parseInterfaceAddress(piece);
    if (!parsed) {
      refuse("allowed-ips", piece, "is not a network in CIDR notation");
      continue;
    }
    const network = networkOf(parsed);
    cidrs.add(network);
    if (cidrParts(network).address !== parsed.address) {
      remark(piece, `has host bits set and counts as ${network}`);
    }
  }
  if (pieces.length > MAX_PREFIXES || all.length > MAX_PIECES) {
    const reason = `has more than ${MAX_PREFIXES} prefixes; the rest is refused`;
    refuse("allowed-ips", text, reason, "too-many");
  }
  return [...cidrs];
}
