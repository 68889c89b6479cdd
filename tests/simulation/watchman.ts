import { encodeBase64 } from "@std/encoding/base64";
import { type Cidr, cidrContains, cidrsOverlap } from "../../lib/ip/cidr.ts";
import { printPrivateKey, type PublicKey, ZERO_KEY } from "../../lib/wireguard/key.ts";
import type { DeviceConfig } from "../../lib/wireguard/device.ts";
import type { Verb } from "./api_session.ts";
import type { HubMachine, SimulatedHub } from "./simulated_hub.ts";
import type { KernelWitness } from "./simulated_kernel.ts";
import { ILLEGAL, type TrueClaim, VERSION } from "./simulated_nodes.ts";
import { Violation } from "./violation.ts";

/** The most requests of a process in any minute, and why so many. */
export const BOUNDS: Readonly<Record<Verb, number>> = {
  list: 40, // two watchers, each with full jitter below 15 s, and one list more after a 410
  watch: 60, // the same, and a watch that breaks after 5 s was a good one
  get: 170, // a Node without allowed-ips is asked for each 3 s as long as it has no answer: 7 Nodes
  patch: 45, // one loop that backs off, and somebody who edits the hub's Node
  event: 90, // a burst of 25, and one each second
};

/** Since when a Node asks for a prefix with a key, without a break; and whether it got it. */
interface Standing {
  readonly node: string;
  readonly key: PublicKey;
  readonly cidr: Cidr;
  readonly since: number;
  admitted: boolean;
}

/** Sees every step of a simulation, and throws a {@linkcode Violation} when something must not be. */
export class Watchman implements KernelWitness {
  machine!: HubMachine;
  hub: SimulatedHub | undefined;
  readonly #standing = new Map<string, Standing>();
  /** The keys and prefixes of each Node, of all times. */
  readonly #everAsked = new Map<string, Set<string>>();
  /** What somebody gave by hand: a hub that begins takes it for somebody's, until it knows better. */
  readonly #byHand = new Set<Cidr>();
  readonly #requests: { readonly verb: Verb; readonly at: number }[] = [];
  #secrets: readonly string[] = [];
  #before = new Map<Cidr, PublicKey>();
  #steps: ReadonlySet<Cidr>[] = [];
  #peersBefore: ReadonlySet<PublicKey> = new Set();

  watch(machine: HubMachine): void {
    this.machine = machine;
    const text = printPrivateKey(machine.privateKey).trim();
    const hex = Array.from(
      machine.privateKey.bytes(),
      (byte) => byte.toString(16).padStart(2, "0"),
    );
    this.#secrets = [text, encodeBase64(text), hex.join(""), machine.privateKey.bytes().join()];
  }

  /** A Node has become what the claim says, or has gone. */
  nodeIs(node: string, claim: TrueClaim | undefined, version: number): void {
    const before = [...this.#standing].filter(([, standing]) => standing.node === node);
    for (const [id] of before) this.#standing.delete(id);
    if (!claim) return;
    const asked = this.#everAsked.get(node) ?? new Set();
    this.#everAsked.set(node, asked);
    if (claim.key) asked.add(claim.key);
    for (const cidr of claim.prefixes) {
      asked.add(cidr);
      if (!claim.key) continue;
      const id = `${node} ${claim.key} ${cidr}`;
      const known = before.find(([one]) => one === id)?.[1];
      const fresh = { node, key: claim.key, cidr, since: version, admitted: false };
      this.#standing.set(id, known ?? fresh);
    }
  }

  /** Somebody gives a prefix to a peer by hand, or takes the peer away. */
  handEdits(key: PublicKey, cidr?: Cidr): void {
    if (cidr !== undefined) this.#byHand.add(cidr);
    for (const standing of this.#standing.values()) {
      const touched = cidr === undefined ? standing.key === key : cidrsOverlap(standing.cidr, cidr);
      if (touched || standing.key === key) standing.admitted = false;
    }
  }

  /** A new process begins, to which the ledger on disk says whose each key is. */
  processBegins(hub: SimulatedHub, keys: ReadonlyMap<PublicKey, string>): void {
    this.hub = hub;
    this.#requests.length = 0;
    for (const standing of this.#standing.values()) {
      // Killed before it wrote down whose a key is that several claim: the oldest counts (documented).
      if (keys.get(standing.key) !== standing.node) standing.admitted = false;
    }
  }

  begins({ peers }: DeviceConfig): void {
    this.#before = new Map(this.machine.kernel.owners);
    this.#peersBefore = new Set(this.machine.kernel.peers.keys());
    this.#steps = [];
    const own = this.machine.privateKey.publicKey;
    for (const { publicKey } of peers) {
      if (publicKey === own) throw new Violation("bounds", "the own key was told to the interface");
    }
  }

  /** One entry has been applied. */
  after(): void {
    const { owners, peers } = this.machine.kernel;
    if (!this.hub?.session.hasListed) {
      for (const key of this.#peersBefore) {
        if (!peers.has(key)) throw new Violation("listed", `peer ${key} was removed`);
      }
      for (const [cidr, key] of this.#before) {
        if (owners.get(cidr) !== key) {
          throw new Violation("listed", `${cidr} was taken from ${key}`);
        }
      }
    }
    this.#steps.push(new Set(owners.keys()));
    this.look();
  }

  ends(): void {
    const { owners } = this.machine.kernel;
    for (const cidr of this.#before.keys()) {
      if (owners.has(cidr) && this.#steps.some((step) => !step.has(cidr))) {
        throw new Violation("gap", `${cidr} was nobody's for a moment`);
      }
    }
  }

  /** A turn of the hub has succeeded: what it admitted is to stand from now on. */
  settled(hub: SimulatedHub): void {
    if (hub !== this.hub || !hub.judgement) return;
    const { owners } = this.machine.kernel;
    for (const standing of this.#standing.values()) {
      const { node, key, cidr } = standing;
      // What the hub has seen may be older: then it does not know yet what the Node asks for.
      const isKnown = this.#versionSeen(node) >= standing.since;
      const peer = hub.judgement.admitted.get(key);
      const isGiven = peer?.node === node && peer.allowedIPs.some((one) => cidrContains(one, cidr));
      const has = isGiven && ownerOf(owners, cidr) === key;
      if (!isKnown) standing.admitted = false;
      else if (has) standing.admitted = true;
    }
    this.look();
  }

  /** Looks at everything. */
  look(): void {
    const { owners, peers } = this.machine.kernel;
    const own = this.machine.privateKey.publicKey;
    if (peers.has(own)) throw new Violation("bounds", "the own key is a peer");
    for (const [cidr, key] of owners) {
      if (key === ZERO_KEY || this.#byHand.has(cidr)) continue;
      if (ILLEGAL.includes(cidr)) throw new Violation("bounds", `${cidr} is a peer's`);
      if (!this.#isEntitled(key, cidr)) throw new Violation("owner", `${cidr} is ${key}'s`);
    }
    for (const { node, key, cidr, since, admitted } of this.#standing.values()) {
      const owner = ownerOf(owners, cidr);
      if (!admitted || owner === key || this.#versionSeen(node) < since) continue;
      throw new Violation("kept", `${cidr} was ${node}'s (${key}), is ${owner}'s`);
    }
  }

  requested(hub: SimulatedHub | undefined, verb: Verb, body: unknown, now: number): void {
    if (hub !== this.hub) return;
    this.wrote(JSON.stringify(body) ?? "");
    this.#requests.push({ verb, at: now });
    while (this.#requests[0]!.at < now - 60_000) this.#requests.shift();
    const count = this.#requests.filter((request) => request.verb === verb).length;
    this.most[verb] = Math.max(this.most[verb], count);
    if (count > BOUNDS[verb]) {
      throw new Violation("requests", `${count} requests to ${verb} within a minute`);
    }
  }

  /** The most requests of each kind in a minute. */
  readonly most: Record<Verb, number> = { list: 0, watch: 0, get: 0, patch: 0, event: 0 };

  /** A line was logged, or a request was sent. */
  wrote(text: string): void {
    if (this.#secrets.some((secret) => text.includes(secret))) {
      throw new Violation("secret", "a private key was written");
    }
  }

  #versionSeen(node: string): number {
    return Number(this.hub?.peers.nodes.get(node)?.annotations[VERSION] ?? 0);
  }

  #isEntitled(key: PublicKey, cidr: Cidr): boolean {
    return [...this.#everAsked.values()].some((asked) => asked.has(key) && asked.has(cidr));
  }
}

/** Whose packets to and from that prefix are: the longest prefix that holds it counts. */
function ownerOf(owners: ReadonlyMap<Cidr, PublicKey>, cidr: Cidr): PublicKey | undefined {
  const exact = owners.get(cidr);
  if (exact !== undefined) return exact;
  const length = (one: Cidr) => Number(one.slice(one.indexOf("/") + 1));
  const [longest] = [...owners.keys()].filter((one) => cidrContains(one, cidr))
    .sort((a, b) => length(b) - length(a));
  return longest && owners.get(longest);
}
