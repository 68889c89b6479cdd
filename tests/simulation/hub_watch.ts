import type { Judgement } from "../../lib/contract/admission.ts";
import type { Ledger } from "../../lib/contract/ledger.ts";
import { type Cidr, cidrContains, cidrParts, cidrsOverlap, hostCidr } from "../../lib/ip/cidr.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { DeviceConfig } from "../../lib/wireguard/device.ts";
import { type PublicKey, ZERO_KEY } from "../../lib/wireguard/key.ts";
import { MEMBERS_TABLE } from "../../lib/tunnel/plan_members.ts";
import { OUR_PROTOCOL } from "../../lib/tunnel/plan_routes.ts";
import { GapWatch } from "./gap_watch.ts";
import { isOfMember, MEMBERS, type SimulatedMachine } from "./simulated_machine.ts";
import { ILLEGAL, type TrueClaim, VERSION } from "./simulated_nodes.ts";
import type { KernelWitness } from "./simulated_wireguard.ts";
import { Violation } from "./violation.ts";

/** What a hub's process knows. */
export interface HubKnowledge {
  readonly peers: { readonly nodes: ReadonlyMap<string, NodeView> };
  readonly judgement: Judgement | undefined;
  /** Whether it takes itself for the active hub. */
  readonly isActive: boolean;
}

/** Since when a Node asks for a prefix with a key, without a break; and whether it got it. */
interface Standing {
  readonly node: string;
  readonly key: PublicKey;
  readonly cidr: Cidr;
  readonly since: number;
  admitted: boolean;
}

/** Sees every step of a hub's machine, and throws a {@linkcode Violation} when something must not be. */
export class HubWatch implements KernelWitness {
  /** Whether the process that runs has been given a whole list of the peers. */
  hasListed = false;
  /** Whether it has been given one of the hubs. */
  hasListedHubs = false;
  readonly #machine: SimulatedMachine;
  readonly #gap: GapWatch;
  #hub: HubKnowledge | undefined;
  readonly #standing = new Map<string, Standing>();
  /** Each pair of key and prefix that some Node has asked for, of all times. */
  readonly #everAsked = new Set<string>();
  /** The keys and prefixes that each Node has asked for, of all times. */
  readonly #askedBy = new Map<string, { keys: Set<PublicKey>; prefixes: Set<Cidr> }>();
  /** What somebody gave by hand: a hub that begins takes it for somebody's, until it knows better. */
  readonly #byHand = new Set<Cidr>();
  /** What peers had, of whose keys the ledger did not say whose they are, when the process began. */
  #unknown = new Map<PublicKey, Cidr[]>();
  /** What the ledger said that members have, when the process began. */
  #knownMembers: Ledger["asMembers"] = new Map();
  /** Whether it has judged since. */
  #isInStep = false;
  #before = new Map<Cidr, PublicKey>();
  #peersBefore: ReadonlySet<PublicKey> = new Set();

  constructor(machine: SimulatedMachine) {
    this.#machine = machine;
    this.#gap = new GapWatch(machine);
  }

  /** A Node has become what the claim says, or has gone. */
  nodeIs(node: string, claim: TrueClaim | undefined, version: number): void {
    const before = new Map<string, Standing>();
    for (const [id, standing] of this.#standing) {
      if (standing.node !== node) continue;
      before.set(id, standing);
      this.#standing.delete(id);
    }
    if (!claim) return;
    this.#note(node, claim);
    const { key, prefixes } = claim;
    if (!key) return;
    for (const cidr of prefixes) {
      const id = `${node} ${key} ${cidr}`;
      const fresh = { node, key, cidr, since: version, admitted: false };
      this.#standing.set(id, before.get(id) ?? fresh);
    }
  }

  /** Somebody gives a prefix to a peer by hand, or takes the peer away. */
  handEdits(key: PublicKey, cidr?: Cidr): void {
    if (cidr !== undefined) this.#byHand.add(cidr);
    for (const standing of this.#standing.values()) {
      const touched = standing.key === key || (cidr && cidrsOverlap(standing.cidr, cidr));
      if (touched) standing.admitted = false;
    }
  }

  /** The interface has gone: by hand, or with a reboot. */
  interfaceGone(): void {
    for (const standing of this.#standing.values()) standing.admitted = false;
  }

  /** A new process begins, to which the ledger on disk says whose each key is. */
  processBegins(hub: HubKnowledge, ledger: Ledger): void {
    this.#hub = hub;
    this.hasListed = this.hasListedHubs = this.#isInStep = false;
    this.#knownMembers = ledger.asMembers;
    for (const standing of this.#standing.values()) {
      // Killed before it wrote down whose a key is that several claim: the oldest counts (documented).
      if (ledger.keys.get(standing.key) !== standing.node) standing.admitted = false;
    }
    this.#unknown = new Map();
    for (const [cidr, key] of this.#machine.host.wireguard?.owners ?? []) {
      if (ledger.keys.has(key)) continue;
      this.#unknown.set(key, [...this.#unknown.get(key) ?? [], cidr]);
    }
    for (const [node, { keys }] of this.#askedBy) {
      for (const key of keys) this.#note(node, { key, prefixes: [] });
    }
  }

  begins(config: DeviceConfig): void {
    const { owners, peers } = this.#machine.host.wireguard!;
    this.#before = new Map(owners);
    this.#peersBefore = new Set(peers.keys());
    this.#gap.begins();
    const own = this.#machine.kind.privateKey.publicKey;
    for (const { publicKey } of config.peers) {
      if (publicKey === own) throw new Violation("bounds", "the own key was told to the interface");
    }
  }

  after(): void {
    const { owners, peers } = this.#machine.host.wireguard!;
    if (!this.hasListed) {
      for (const key of this.#peersBefore) {
        if (!peers.has(key)) throw new Violation("listed", `peer ${key} was removed`);
      }
      for (const [cidr, key] of this.#before) {
        if (owners.get(cidr) === key) continue;
        throw new Violation("listed", `${cidr} was taken from ${key}`);
      }
    }
    this.#gap.after();
    this.look();
  }

  ends(): void {
    this.#gap.ends();
  }

  removed(): void {
    if (!this.#machine.wasUnlabelled) throw new Violation("retired", "the interface was removed");
    this.interfaceGone();
  }

  took(what: string): void {
    // One that knows that it stands by needs no list of the peers to have no routes.
    const isDue = this.hasListedHubs && (this.hasListed || this.#hub?.isActive === false);
    if (!isDue) throw new Violation("listed", `${what} was taken away`);
  }

  /** A turn of the hub has succeeded: what it admitted is to stand from now on. */
  settled(hub: HubKnowledge): void {
    const owners = this.#machine.host.wireguard?.owners;
    if (hub !== this.#hub || !hub.judgement || !owners) return;
    for (const standing of this.#standing.values()) {
      const { node, key, cidr } = standing;
      // What the hub has seen may be older: then it does not know yet what the Node asks for.
      const isKnown = this.#versionSeen(node) >= standing.since;
      const peer = hub.judgement.admitted.get(key);
      const isGiven = peer?.node === node && peer.allowedIPs.some((one) => cidrContains(one, cidr));
      if (!isKnown) standing.admitted = false;
      else if (isGiven && ownerOf(owners, cidr) === key) standing.admitted = true;
    }
    this.#isInStep = true;
    this.look();
  }

  /** Looks at everything. */
  look(): void {
    this.#lookAtMembers();
    const wireguard = this.#machine.host.wireguard;
    if (!wireguard) return;
    const { owners, peers } = wireguard;
    if (peers.has(this.#machine.kind.privateKey.publicKey)) {
      throw new Violation("bounds", "the own key is a peer");
    }
    for (const [cidr, key] of owners) {
      if (key === ZERO_KEY || this.#byHand.has(cidr)) continue;
      if (ILLEGAL.includes(cidr)) throw new Violation("bounds", `${cidr} is a peer's`);
      if (!this.#everAsked.has(`${key} ${cidr}`)) {
        throw new Violation("owner", `${cidr} is ${key}'s`);
      }
    }
    for (const { node, key, cidr, since, admitted } of this.#standing.values()) {
      if (!admitted || owners.get(cidr) === key) continue;
      const owner = ownerOf(owners, cidr);
      if (owner === key || this.#versionSeen(node) < since) continue;
      throw new Violation("kept", `${cidr} was ${node}'s (${key}), is ${owner}'s`);
    }
  }

  /** What leads to members is in their table, and nobody is led there but who comes from the tunnel. */
  #lookAtMembers(): void {
    const { routes, rules } = this.#machine.host;
    for (const { destination, table, protocol } of routes) {
      const isMembers = table === MEMBERS_TABLE;
      if (protocol !== OUR_PROTOCOL || isMembers === isOfMember(destination)) continue;
      // By hand, or by who has a member's key: no ledger may tell that it is not the member's.
      const isByHand = this.#byHand.has(destination) ||
        MEMBERS.some(({ privateKey: { publicKey } }) =>
          this.#everAsked.has(`${publicKey} ${destination}`)
        );
      if (isMembers && isByHand) continue;
      if (!isMembers && !this.#isInStep && !this.#knownMembers.has(destination)) continue;
      throw new Violation("members", `a route to ${destination} is in table ${table}`);
    }
    const own = this.#machine.kind.address.map(({ address }) => hostCidr(address));
    for (const rule of rules) {
      if (rule.table !== MEMBERS_TABLE || rule.iif === "wg0") continue;
      if (rule.from && own.includes(rule.from)) continue;
      throw new Violation("members", `a rule leads others to members: ${JSON.stringify(rule)}`);
    }
  }

  /** A Node keeps what it had while its key changes, and its key while it asks for something else. */
  #note(node: string, { key, prefixes }: TrueClaim): void {
    const asked = this.#askedBy.get(node) ?? { keys: new Set(), prefixes: new Set() };
    this.#askedBy.set(node, asked);
    if (key) asked.keys.add(key);
    // Whoever says that a key is his is taken to have what its peer has, where nobody knows better.
    const had = key && this.#unknown.get(key);
    for (const cidr of [...prefixes, ...had ?? []]) asked.prefixes.add(cidr);
    for (const one of asked.keys) {
      for (const cidr of asked.prefixes) this.#everAsked.add(`${one} ${cidr}`);
    }
  }

  #versionSeen(node: string): number {
    return Number(this.#hub?.peers.nodes.get(node)?.annotations[VERSION] ?? 0);
  }
}

/** Whose packets to and from that prefix are: the longest prefix that holds it counts. */
function ownerOf(owners: ReadonlyMap<Cidr, PublicKey>, cidr: Cidr): PublicKey | undefined {
  let longest = -1;
  let owner: PublicKey | undefined;
  for (const [one, key] of owners) {
    const { prefixLength } = cidrParts(one);
    if (prefixLength > longest && cidrContains(one, cidr)) [longest, owner] = [prefixLength, key];
  }
  return owner;
}
