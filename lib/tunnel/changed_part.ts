import type { Cidr } from "../ip/cidr.ts";
import type { Device, Peer } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { WantedPeer } from "../wireguard/plan_device.ts";
import type { WantedTunnel } from "./wanted_tunnel.ts";

/** With fewer peers than this, looking at all of them costs nothing. */
const MANY = 64;
/** With more changes than this at once, all is looked at. */
const FEW = 100;

/** What a turn began with that left nothing undone: what was wanted, and what came of it. */
export interface LastTurn {
  readonly wanted: WantedTunnel;
  readonly device: Device;
}

/** As much of what is found as peers have to do with. */
export interface FoundPeers {
  readonly device: Device;
  readonly routes: ReadonlySet<Cidr>;
}

/** The peers that are to change, as if there were no others. */
export interface ChangedPart {
  readonly wanted: WantedTunnel;
  readonly found: FoundPeers;
}

/**
 * The part of the tunnel that differs from what the last turn made of it. The other peers are as they
 * are wanted, and no prefix is with two of them: so the plan for the part is the plan for the whole,
 * however many others there are.
 *
 * @returns undefined where that cannot be said, and for few peers.
 */
export function changedPart(
  last: LastTurn | undefined,
  wanted: WantedTunnel,
  found: FoundPeers,
): ChangedPart | undefined {
  if (found.device.peers.size < MANY || last?.device !== found.device) return undefined;
  const before = last.wanted.device.peers;
  const after = wanted.device.peers;
  if (!before || !after || !sameBesidesPeers(last.wanted, wanted)) return undefined;
  const changed = new Map<PublicKey, WantedPeer>();
  const gone = new Set<PublicKey>();
  let kept = 0;
  for (const [key, peer] of after) {
    const known = before.get(key);
    if (known !== undefined) kept++;
    if (known !== peer) changed.set(key, peer);
    if (changed.size > FEW) return undefined;
  }
  if (kept < before.size) {
    for (const key of before.keys()) if (!after.has(key)) gone.add(key);
    if (gone.size > FEW) return undefined;
  }
  const peers = new Map<PublicKey, Peer>();
  const routes = new Set<Cidr>();
  for (const key of [...changed.keys(), ...gone]) {
    const peer = found.device.peers.get(key);
    if (peer) peers.set(key, peer);
    for (const cidr of [...before.get(key)?.allowedIPs ?? [], ...peer?.allowedIPs ?? []]) {
      if (found.routes.has(cidr)) routes.add(cidr);
    }
  }
  return {
    wanted: { ...wanted, device: { ...wanted.device, peers: changed } },
    found: { device: { ...found.device, peers }, routes },
  };
}

/**
 * What is found with the part in place of what it was. The collections of `found` themselves are
 * changed: with thousands of peers, copying them would cost more than the rest of the turn.
 */
export function wholeOf(
  found: FoundPeers,
  { found: part }: ChangedPart,
  told: FoundPeers,
): FoundPeers {
  const peers = found.device.peers as Map<PublicKey, Peer>;
  replace(peers, part.device.peers.keys(), told.device.peers);
  const routes = found.routes as Set<Cidr>;
  for (const cidr of part.routes) routes.delete(cidr);
  for (const cidr of told.routes) routes.add(cidr);
  return { device: { ...told.device, peers }, routes };
}

/** Whether the peers have the prefixes that they are to have, and none besides. */
export function isExact({ device: { peers } }: WantedTunnel, device: Device): boolean {
  if (!peers || peers.size !== device.peers.size) return false;
  for (const [key, { allowedIPs }] of peers) {
    if (device.peers.get(key)?.allowedIPs.length !== allowedIPs.length) return false;
  }
  return true;
}

/** Puts the entries of the part in place of what these keys had. */
export function replace<Entry>(
  all: Map<PublicKey, Entry>,
  keys: Iterable<PublicKey>,
  part: ReadonlyMap<PublicKey, Entry>,
): void {
  for (const key of keys) all.delete(key);
  for (const [key, entry] of part) all.set(key, entry);
}

/** A spoke's policy, and what is a member's alone, is left to those who look at everything. */
function sameBesidesPeers(a: WantedTunnel, b: WantedTunnel): boolean {
  const sameDevice = a.device.privateKey.publicKey === b.device.privateKey.publicKey &&
    a.device.listenPort === b.device.listenPort && a.device.fwmark === b.device.fwmark;
  const isSpokes = [a, b].some(({ policy, keepsRoutes, sources }) =>
    policy !== undefined || keepsRoutes || sources !== undefined
  );
  return sameDevice && !isSpokes && sameMembers(a, b) && a.isRouting === b.isRouting &&
    a.mtu === b.mtu &&
    same(a.addresses, b.addresses) && same(a.otherRoutes ?? [], b.otherRoutes ?? []);
}

/** Of the same prefixes follow the same rules. */
function sameMembers({ members: a }: WantedTunnel, { members: b }: WantedTunnel): boolean {
  if (!a || !b) return a === b;
  return a.routes.size === b.routes.size && [...a.routes].every((cidr) => b.routes.has(cidr));
}

function same<T>(a: readonly T[], b: readonly T[]): boolean {
  return a === b || (a.length === b.length && a.every((one, at) => one === b[at]));
}
