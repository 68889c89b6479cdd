import type { Clock } from "../clock.ts";
import type { Judgement } from "../contract/admission.ts";
import { type AnnotationKeys, MARKED } from "../contract/annotation_keys.ts";
import type { Claim } from "../contract/claim.ts";
import type { LocalFacts } from "../contract/local_facts.ts";
import type { IpAddress } from "../ip/address.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { ClaimReader } from "./claim_reader.ts";
import { EndpointResolver, type LookUp } from "../reconcile/endpoint_resolver.ts";
import { type ClaimOptions, hubFacts } from "./hub_facts.ts";
import { HubNeighbours } from "../reconcile/hub_neighbours.ts";
import type { HubWatches } from "./hub_watches.ts";
import type { Judge } from "./judge.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import { NodeStatuses } from "./node_statuses.ts";
import type { OwnTunnel } from "../tunnel/open_tunnel.ts";
import type { NodeEvents } from "./node_events.ts";
import { refusalNotice } from "./node_notice.ts";
import type { Surroundings } from "../tunnel/surroundings.ts";

/** The parts of a {@linkcode PeerAdmission}. */
export interface PeerAdmissionParts {
  readonly options: ClaimOptions & { readonly nodeName: string };
  readonly keys: AnnotationKeys;
  readonly api: Pick<ApiClient, "host" | "serverHosts" | "getNode" | "listNodeAddresses">;
  readonly own: Pick<OwnTunnel, "privateKey" | "found" | "tunnel">;
  readonly watches: HubWatches;
  readonly judge: Judge;
  readonly events: Pick<NodeEvents, "update">;
  readonly says: Pick<LoopLog, "refusals" | "resultOf">;
  /** Ends what is asked of the API off the loop. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Default: asks the name service. */
  readonly lookUp?: LookUp | undefined;
  /** Default: reads this machine's name servers. */
  readonly resolvers?: (() => Promise<readonly IpAddress[]>) | undefined;
  /** Something that was asked for off the loop is known now: judge again. */
  onChange(): void;
}

/** What the Nodes claim, and what was made of it. */
export interface Judged {
  readonly claims: readonly Claim[];
  readonly judgement: Judgement;
}

/** From what the Nodes say to who is a peer with what; and tells the others why they are not. */
export class PeerAdmission {
  readonly #parts: PeerAdmissionParts;
  readonly #names: EndpointResolver;
  readonly #neighbours: HubNeighbours;
  readonly #statuses: NodeStatuses;
  readonly #claims: ClaimReader;
  #judged: Judged | undefined;

  constructor(parts: PeerAdmissionParts) {
    this.#parts = parts;
    const { keys, api, says, signal, clock, lookUp, resolvers, onChange } = parts;
    const { now, random } = clock;
    this.#names = new EndpointResolver(onChange, now, lookUp);
    this.#neighbours = new HubNeighbours({
      api,
      names: this.#names,
      onChange,
      onResult: says.resultOf("addresses of the API server"),
      random,
      ...(resolvers && { resolvers }),
    });
    this.#statuses = new NodeStatuses({
      api,
      labelSelector: `${keys.peer}=${MARKED}`,
      signal,
      onChange,
      onResult: says.resultOf("addresses"),
      time: clock,
    });
    this.#claims = new ClaimReader(keys, this.#statuses);
  }

  /** What was judged last, and how; undefined before the first time. */
  get judged(): Judged | undefined {
    return this.#judged;
  }

  /** The last judgement; undefined before the first. */
  get judgement(): Judgement | undefined {
    return this.#judged?.judgement;
  }

  /** The Node of an admitted peer. */
  nodeOf(key: PublicKey): string | undefined {
    return this.judgement?.admitted.get(key)?.node;
  }

  /** In how many ms to judge again, if something is lacking; else Infinity. */
  get lookAgainMs(): number {
    return this.#statuses.retryMs ?? Infinity;
  }

  /** What claims are judged by, now. */
  facts(surroundings: Surroundings): LocalFacts {
    const { options, own, watches } = this.#parts;
    // What a member has no newcomer may take in the moment before that is known.
    const isComplete = this.#neighbours.isComplete && this.#claims.knowsMembers;
    return hubFacts(surroundings, options, {
      ownKey: own.privateKey.publicKey,
      device: own.tunnel.device ?? own.found,
      neighbours: this.#neighbours.addresses,
      nodes: isComplete ? watches.others.known : undefined,
      hubs: watches.hubs.nodes.values(),
      ownNode: watches.ownNode,
      resolve: this.#names.resolve,
    });
  }

  /**
   * Judges what all peers claim, once they and the hubs have been listed.
   *
   * @param isActive whether this is the active hub: each refusal is told to its owner by one hub.
   */
  judge(surroundings: Surroundings, isActive: boolean): Judgement | undefined {
    const { options: { nodeName }, watches, judge, says, events, clock } = this.#parts;
    if (!watches.synced) return undefined; // a peer that is not here may well exist
    const claims = this.#claims.read(watches.peers.nodes, nodeName);
    const judgement = judge.judge(claims, this.facts(surroundings), clock.wall());
    this.#judged = { claims, judgement };
    const { refusals, remarks } = judgement;
    says.refusals(refusals, remarks);
    const notices = isActive ? [...refusals, ...remarks] : [];
    events.update("admission", notices.map((notice) => refusalNotice(notice, nodeName)));
    return judgement;
  }

  /** Nobody is judged any more: what was refused is over. */
  end(): void {
    this.#judged = undefined;
    this.#parts.says.refusals([], []);
    this.#parts.events.update("admission", []);
  }

  /** Keeps what it judges by up to date, until the signal says stop. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#neighbours.run(signal);
  }
}
