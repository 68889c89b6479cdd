import { type Clock, SYSTEM_CLOCK } from "../clock.ts";
import type { Judgement } from "../contract/admission.ts";
import type { AnnotationKeys } from "../contract/annotation_keys.ts";
import type { HubPublicationOptions } from "../contract/hub_publication.ts";
import { HubReach } from "../contract/hub_reach.ts";
import type { LocalFacts } from "../contract/local_facts.ts";
import type { IpAddress } from "../ip/address.ts";
import { networkOf } from "../ip/cidr.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import type { MetricsSources } from "../metrics/metrics.ts";
import { endpointsOf } from "../wireguard/peer_endpoints.ts";
import type { LookUp } from "../reconcile/endpoint_resolver.ts";
import { HubDuty } from "./hub_duty.ts";
import type { ClaimOptions } from "./hub_facts.ts";
import type { HubSigns } from "./hub_health.ts";
import type { HubMemory } from "./hub_memory.ts";
import { HubOffice } from "./hub_office.ts";
import { HubWatches } from "./hub_watches.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import type { OwnTunnel } from "../tunnel/open_tunnel.ts";
import type { NodeConditions } from "./node_conditions.ts";
import { NodeEvents } from "./node_events.ts";
import { PeerAdmission } from "./peer_admission.ts";
import { ReconcileLoop, type Turn } from "../reconcile/reconcile_loop.ts";
import { readSurroundings, type Surroundings } from "../tunnel/surroundings.ts";
import { routesOverTunnel } from "./routes_over_tunnel.ts";
import { TunnelWatch } from "./tunnel_watch.ts";
import { type HubTunnelOptions, wantedHubTunnel } from "./wanted_hub_tunnel.ts";

/** The options of a hub that its pipeline needs. */
export interface HubPipelineOptions extends HubPublicationOptions, ClaimOptions, HubTunnelOptions {
  readonly nodeName: string;
  readonly interface: string;
  /** The longest time between two readings of the kernel, in seconds. */
  readonly resyncInterval: number;
}

/** What a hub asks of the Kubernetes API. */
export type HubApi = Pick<
  ApiClient,
  | "host"
  | "serverHosts"
  | "listNodes"
  | "watchNodes"
  | "listNodeAddresses"
  | "getNode"
  | "patchNode"
  | "createEvent"
>;

/** The parts of a {@linkcode HubPipeline}. */
export interface HubPipelineParts {
  readonly options: HubPipelineOptions;
  readonly keys: AnnotationKeys;
  readonly api: HubApi;
  readonly own: OwnTunnel;
  readonly memory: HubMemory;
  readonly says: LoopLog;
  /** Ends what is asked of the API beside the loops. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** Asks the name service, which is the default. */
  readonly lookUp?: LookUp;
  /** Default: reads this machine's name servers. */
  readonly resolvers?: () => Promise<readonly IpAddress[]>;
  /** How long to trust a watch alone, in ms; default: that of its kind. */
  readonly relistMs?: number;
  /** Takes how the peers' tunnels are, if somebody wants to know. */
  readonly conditions?: Pick<NodeConditions, "update"> | undefined;
}

/** What an administrator should know: the reasons of Events, and what the log calls them. */
const MATTERS = {
  SeveralHubs: "hubs",
  TunnelRouted: "tunnel's network",
  AllowedIPsLack: "allowed-ips",
} as const;

/**
 * The hub, put together. Any event only says: look again. One loop then makes the own Node say who
 * this is, the other makes the tunnel what the other Nodes' claims come to.
 */
export class HubPipeline {
  /** Somebody may have changed the kernel's state: look again. */
  readonly markKernel: () => void;
  /** What it sees of the cluster. */
  readonly watches: HubWatches;
  /** Who is a peer with what. */
  readonly admission: PeerAdmission;
  readonly #parts: HubPipelineParts;
  readonly #clock: Clock;
  readonly #publication: ReconcileLoop;
  readonly #tunnel: ReconcileLoop;
  readonly #office: HubOffice;
  readonly #duty: HubDuty;
  readonly #reach: HubReach;
  readonly #events: NodeEvents;
  readonly #matters = new Map<keyof typeof MATTERS, string>();
  readonly #tunnels = new TunnelWatch();
  #surroundings: Surroundings;

  constructor(parts: HubPipelineParts) {
    this.#parts = parts;
    const { options, keys, api, own, memory, says, signal, lookUp, resolvers, relistMs } = parts;
    const { nodeName, allowedIPs, address } = options;
    this.#reach = new HubReach(allowedIPs ?? address.map(networkOf));
    const clock = this.#clock = parts.clock ?? SYSTEM_CLOCK;
    const { now, random } = clock;
    const time = { resyncMs: options.resyncInterval * 1000, now, random };
    this.#publication = new ReconcileLoop({
      turn: ({ signal }) => this.#office.settle(signal),
      ...says.loop("publication"),
      ...time,
    });
    this.#tunnel = new ReconcileLoop({
      turn: (turn) => this.#reconcile(turn),
      ...says.loop("tunnel"),
      ...time,
    });
    const onChange = this.#tunnel.mark;
    this.markKernel = this.#tunnel.markKernel;
    const onOwnNode = () => {
      this.#office.look();
      this.#publication.mark();
    };
    const seen = { api, keys, nodeName, says, clock, relistMs };
    const watches = this.watches = new HubWatches({ ...seen, onOwnNode, onChange });
    this.#office = new HubOffice({
      api,
      keys,
      publicKey: own.privateKey.publicKey,
      options,
      self: watches.self,
      onChange,
      onObstacle: says.troubleOf("own node"),
      now,
    });
    this.#events = new NodeEvents({
      api,
      reporter: keys.hub,
      hub: nodeName,
      node: (name) => name === nodeName ? watches.ownNode : watches.peers.nodes.get(name),
      onResult: says.resultOf("events"),
      now,
      random,
    });
    const onSeveral = (text: string | undefined) => this.#tell("SeveralHubs", text);
    this.#duty = new HubDuty(
      { keys, nodeName, hubs: watches.hubs, onSeveral, now },
      memory.duty,
      memory.wasActive,
    );
    const { judge } = memory;
    const judged = {
      options,
      keys,
      api,
      own,
      watches,
      judge,
      events: this.#events,
      says,
      signal,
      clock,
      lookUp,
      resolvers,
    };
    this.admission = new PeerAdmission({ ...judged, onChange });
    own.tunnel.recall(memory.lastEndpoints ?? new Map());
    this.#surroundings = readSurroundings(own.network, options.interface);
  }

  /** Runs until the signal says stop. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.watches.run(signal),
      this.#publication.run(signal),
      this.#tunnel.run(signal),
      this.admission.run(signal),
      this.#events.run(signal),
    ]);
  }

  /** A turn of the tunnel's loop: claims → admitted peers → wanted, against what is found → applied. */
  async #reconcile({ readBack }: Turn): Promise<number | undefined> {
    const { options, own, memory, says } = this.#parts;
    if (this.#office.isRetired) return this.#retire();
    if (readBack) this.#surroundings = readSurroundings(own.network, options.interface);
    const around = this.#surroundings;
    const { isActive, isRouting, lookAgainMs } = this.#duty.look();
    const judgement = this.admission.judge(around, isActive);
    this.#tell("TunnelRouted", isActive ? routesOverTunnel(around, options.address) : undefined);
    this.#tell("AllowedIPsLack", isActive && judgement ? this.#reachGap(judgement) : undefined);
    const { asMembers } = memory.judge;
    const wanted = wantedHubTunnel(
      options,
      own.privateKey,
      around,
      judgement,
      isRouting,
      asMembers,
    );
    const report = await own.tunnel.reconcile(wanted, readBack);
    if (judgement) memory.endpoints.save(endpointsOf(own.tunnel.device));
    says.tunnel(report, (key) => this.admission.nodeOf(key));
    if (judgement) {
      says.inStep(judgement.admitted.size);
      this.#watchTunnels(judgement, isActive);
    }
    return Math.min(this.admission.lookAgainMs, report.lookAgainMs, lookAgainMs);
  }

  /** To the administrator: by the log, and by an Event on the own Node. */
  #tell(reason: keyof typeof MATTERS, text: string | undefined): void {
    const { says, options: { nodeName: node } } = this.#parts;
    says.matter(MATTERS[reason], text);
    if (this.#matters.get(reason) === text) return;
    if (text === undefined) this.#matters.delete(reason);
    else this.#matters.set(reason, text);
    const notices = [...this.#matters].map(([reason, message]) => ({ reason, message }));
    const told = { node, type: "Warning", action: "Publish" } as const;
    this.#events.update("own", notices.map((notice) => ({ ...told, ...notice })));
  }

  /** To the owners of the peers: whose tunnel comes up or goes down. */
  #watchTunnels({ admitted }: Judgement, isActive: boolean): void {
    const { own, conditions, options: { nodeName } } = this.#parts;
    const moment = { now: this.#clock.now(), wall: this.#clock.wall() };
    if (!this.#tunnels.isDue(moment, isActive)) return;
    const seen = [...own.tunnel.device?.peers.values() ?? []].flatMap((peer) => {
      const node = admitted.get(peer.publicKey)?.node;
      return node === undefined ? [] : [{ node, lastHandshake: peer.lastHandshake }];
    });
    const isNews = this.#tunnels.look(seen, moment, isActive);
    if (isNews) this.#events.update("tunnels", this.#tunnels.notices(nodeName));
    conditions?.update(isActive ? this.#tunnels.states : undefined);
  }

  #reachGap({ admitted }: Judgement): string | undefined {
    return this.#reach.gap(this.watches.ownNode?.status?.internalIPs ?? [], admitted.values());
  }

  /** The node is no hub any more. */
  #retire(): undefined {
    const { options, own, says } = this.#parts;
    if (own.tunnel.remove()) says.did("interface removed", { interface: options.interface });
    this.admission.end();
    this.#tunnels.end();
    this.#parts.conditions?.update(new Map());
    this.#events.update("tunnels", []);
    for (const reason of ["SeveralHubs", "TunnelRouted", "AllowedIPsLack"] as const) {
      this.#tell(reason, undefined);
    }
  }

  /** To be called when it has run. The tunnel stays, unless the node is no hub any more. */
  async end(): Promise<void> {
    const { judge, endpoints, duty } = this.#parts.memory;
    await Promise.all([judge.settled(), endpoints.settled(), duty.settled()]);
    if (await this.#office.hasEnded()) this.#retire();
  }

  /** What its health is judged by. */
  get signs(): HubSigns {
    return {
      lastTurn: this.#tunnel.lastTurn,
      now: this.#clock.now(),
      tunnelUp: this.#parts.own.tunnel.hasSettled,
      peersListed: this.watches.peers.synced,
      hubsListed: this.watches.hubs.synced,
      isActive: this.#duty.isActive,
      unpublished: this.#office.obstacle,
    };
  }

  /** What is read of it for metrics. */
  get sources(): MetricsSources {
    return {
      interface: this.#parts.options.interface,
      read: () => this.#parts.own.tunnel.read(),
      nodeOf: (key) => this.admission.nodeOf(key),
      watches: () => this.watches.states,
      now: this.#clock.wall,
    };
  }

  /** What claims are judged by, now. */
  get facts(): LocalFacts {
    return this.admission.facts(this.#surroundings);
  }
}
