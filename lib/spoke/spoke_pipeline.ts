import { type Clock, SYSTEM_CLOCK } from "../clock.ts";
import { type AnnotationKeys, MARKED } from "../contract/annotation_keys.ts";
import type { Publication } from "../contract/publication.ts";
import { spokePublication, type SpokePublicationOptions } from "../contract/spoke_publication.ts";
import type { IpAddress } from "../ip/address.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import type { MetricsSources } from "../metrics/metrics.ts";
import type { Environment } from "../options/parse_options.ts";
import { messageOf } from "../user_error.ts";
import type { WantedPeers } from "../wireguard/plan_device.ts";
import { EndpointResolver, type LookUp } from "../reconcile/endpoint_resolver.ts";
import type { HubOptions } from "./hub_follower.ts";
import { type JoinProgress, joinProgress } from "./join_progress.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import type { OwnTunnel } from "../tunnel/open_tunnel.ts";
import { MemberRole } from "./member_role.ts";
import { PeerFollower } from "./peer_follower.ts";
import type { ServerAddress } from "../tunnel/plan_policy.ts";
import { ReconcileLoop, type Turn } from "../reconcile/reconcile_loop.ts";
import { readResolvers } from "../reconcile/resolvers.ts";
import { SpokeCluster } from "./spoke_cluster.ts";
import type { SpokeMemory } from "./spoke_memory.ts";
import { needsNames, serversOf, sourceTowards } from "./spoke_policy.ts";
import { readSurroundings, type Surroundings } from "../tunnel/surroundings.ts";
import type { WantedTunnel } from "../tunnel/wanted_tunnel.ts";
import { type SpokeTunnelOptions, wantedSpokeTunnel } from "./wanted_spoke_tunnel.ts";

/** The options of a spoke that its pipeline needs. */
export interface SpokePipelineOptions
  extends SpokePublicationOptions, HubOptions, SpokeTunnelOptions {
  /** The longest time between two readings of the kernel, in seconds. */
  readonly pollInterval: number;
}

/** What a spoke asks of the Kubernetes API, and where that is. */
export type SpokeApi = Pick<
  ApiClient,
  | "baseUrl"
  | "proxyUrl"
  | "host"
  | "getNode"
  | "listNodes"
  | "watchNodes"
  | "patchNode"
  | "serverHosts"
  | "renew"
>;

/** The parts of a {@linkcode SpokePipeline}. */
export interface SpokePipelineParts {
  readonly options: SpokePipelineOptions;
  readonly nodeName: string;
  readonly keys: AnnotationKeys;
  readonly own: OwnTunnel;
  readonly memory: SpokeMemory;
  readonly says: LoopLog;
  /** Where a proxy may be named. */
  readonly env: Environment;
  /** Told of each turn: that the interface is as it should be, or why it could not be made so. */
  onTurn(error?: unknown): void;
  readonly clock?: Clock;
  /** Default: asks the name service. */
  readonly lookUp?: LookUp;
  /** Default: reads what resolv.conf(5) says. */
  readonly readResolvers?: () => Promise<readonly IpAddress[]>;
  /** How long to trust a watch alone, in ms; default: that of its kind. */
  readonly relistMs?: number;
}

/**
 * The spoke, put together. Any event only says: look again. The loop then makes the tunnel what the
 * hubs' Nodes come to; before there is a credential to ask with, what it last was.
 */
export class SpokePipeline {
  /** Somebody may have changed the kernel's state: look again. */
  readonly markKernel: () => void;
  readonly #parts: SpokePipelineParts;
  readonly #clock: Clock;
  readonly #publication: Publication;
  readonly #tunnel: ReconcileLoop;
  readonly #names: EndpointResolver;
  readonly #follower: PeerFollower;
  readonly #member: MemberRole | undefined;
  #api: SpokeApi | undefined;
  #cluster: SpokeCluster | undefined;
  #surroundings: Surroundings;
  #resolvers: readonly IpAddress[] = [];
  #last: WantedTunnel | undefined;
  #isMemberNoMore = false;

  constructor(parts: SpokePipelineParts) {
    this.#parts = parts;
    const { options, nodeName, keys, own, memory, says } = parts;
    const { found, privateKey: { publicKey: ownKey } } = own;
    const clock = this.#clock = parts.clock ?? SYSTEM_CLOCK;
    const { now, random } = clock;
    const loop = says.loop("tunnel");
    this.#tunnel = new ReconcileLoop({
      turn: (turn) => this.#reconcile(turn),
      ...loop,
      onResult: (error) => {
        if (error !== undefined) parts.onTurn(error);
        loop.onResult(error);
      },
      resyncMs: options.pollInterval * 1000,
      now,
      random,
    });
    this.markKernel = this.#tunnel.markKernel;
    const publication = this.#publication = spokePublication(ownKey, options);
    const names = this.#names = new EndpointResolver(this.#tunnel.mark, now, parts.lookUp);
    this.#follower = new PeerFollower({
      options,
      nodeName,
      keys,
      ownKey,
      publication,
      names,
      says,
      clock,
      found,
      remembered: options.member ? undefined : memory.peers,
    });
    const asMember = {
      options,
      nodeName,
      keys,
      own,
      names,
      says,
      clock,
      onChange: this.#tunnel.mark,
    };
    this.#member = options.member
      ? new MemberRole({ ...asMember, resolvers: parts.readResolvers })
      : undefined;
    this.#surroundings = readSurroundings(own.network, options.interface);
  }

  /** Keeps the tunnel until the signal says stop. */
  run(signal: AbortSignal): Promise<void> {
    return this.#tunnel.run(signal);
  }

  /** Registers this node and follows the others, until the signal says stop. To be called once. */
  async join(api: SpokeApi, signal: AbortSignal): Promise<void> {
    const { options, nodeName, keys, says, relistMs } = this.#parts;
    const { now, random } = this.#clock;
    this.#api = api;
    this.#cluster = new SpokeCluster({
      api,
      nodeName,
      keys,
      publication: this.#publication,
      says,
      resyncMs: options.pollInterval * 1000,
      onChange: this.#tunnel.mark,
      time: { now, random, ...(relistMs !== undefined && { resyncMs: relistMs }) },
    });
    this.markKernel(); // whence this machine reaches the API server, it tells by its routes
    await Promise.all([this.#cluster.run(signal), this.#member?.run(api, signal)]);
    this.#isMemberNoMore = await this.#member?.hasEnded(api) ?? false;
  }

  /** A turn of the loop: hubs' claims → the active hub → wanted, against what is found → applied. */
  async #reconcile({ readBack }: Turn): Promise<number | undefined> {
    const { options, own, says, env, onTurn } = this.#parts;
    if (this.#cluster?.isUnwanted) return this.#retire();
    if (readBack) {
      this.#surroundings = readSurroundings(own.network, options.interface);
      this.#resolvers = await (this.#parts.readResolvers ?? readResolvers)();
    }
    const apiServers = this.#apiServers();
    if (readBack) this.#cluster?.reachedFrom(sourceTowards(own.network, apiServers));
    const fresh = this.#follower.hasSite ? await own.tunnel.observe(0) : undefined;
    const device = fresh ?? own.tunnel.device ?? own.found;
    const around = { ...this.#surroundings, resolvers: this.#resolvers, apiServers };
    const cluster = this.#member ? this.#member.view(this.#cluster) : this.#cluster;
    const peers = this.#follower.follow(cluster, around, device);
    const asksNames = this.#follower.needsNames || needsNames(this.#api, env);
    const outside = { apiServers, resolvers: asksNames ? this.#resolvers : [] };
    const ends = { hub: this.hub, peers, device, outside };
    const { wanted, narrow } = this.#member?.wanted(around, peers, this.#cluster) ??
      wantedSpokeTunnel(options, own, around, ends);
    says.matter("path", narrow);
    this.#last = wanted;
    const report = await own.tunnel.reconcile(wanted, readBack);
    says.tunnel(report, (key) => this.#follower.nodeOf(key));
    onTurn();
    await this.#remember(wanted);
    return Math.min(report.lookAgainMs, this.#follower.lookAgainMs);
  }

  /** Writes down the hub. A peer of the site is one only while it is heard: that no file can say. */
  async #remember(wanted: WantedTunnel): Promise<void> {
    const { memory, says } = this.#parts;
    const { followed } = this.#follower;
    if (!followed || this.#member) return; // a member's API server is on its own network
    const config = { ...wanted, ...wanted.device, peers: [...followed.values()] };
    says.matter("last known good", await memory.lastKnown.save(config));
  }

  #apiServers(): ServerAddress[] {
    const { env } = this.#parts;
    return this.#api ? serversOf(this.#api, env, (host) => this.#names.addresses(host)) : [];
  }

  /** The node is a member no more. What has become a hub's is the hub's. */
  #retire(): undefined {
    const { options: { interface: name }, own, keys, says, onTurn } = this.#parts;
    const isHub = this.#cluster?.own?.labels[keys.hub] === MARKED;
    if (!isHub && own.tunnel.remove()) says.did("interface removed", { interface: name });
    onTurn();
  }

  /** To be called when it has run: nothing is left that needs somebody to listen. */
  async end(): Promise<void> {
    if (this.#isMemberNoMore) return this.#retire();
    const settled = this.#last && this.#follower.settled(this.#last);
    if (!settled) return;
    const { own, says } = this.#parts;
    // What cannot be settled any more makes no failure of a stop.
    const trouble = await own.tunnel.reconcile(settled, false).then(() => undefined, messageOf);
    says.matter("site's end", trouble);
  }

  /** Connections may be dead without anybody knowing: reads the credential again and asks anew. */
  reconnect(): void {
    this.#cluster?.reconnect();
    this.markKernel();
  }

  /** The hub as the only peer, as it is followed or remembered; undefined: none is known yet. */
  get hub(): WantedPeers | undefined {
    return this.#follower.hub;
  }

  /** What is read of it for metrics. */
  get sources(): MetricsSources {
    return {
      interface: this.#parts.options.interface,
      read: () => this.#parts.own.tunnel.read(),
      nodeOf: (key) => this.#follower.nodeOf(key),
      watches: () => this.#cluster?.watches ?? {},
      now: this.#clock.wall,
    };
  }

  /** How long ago the loop last finished a turn, in ms. */
  get idleMs(): number {
    return this.#clock.now() - this.#tunnel.lastTurn;
  }

  /** How far it has come on its way into the cluster. */
  get progress(): JoinProgress {
    const [key] = this.hub?.keys() ?? [];
    const peer = key && this.#parts.own.tunnel.device?.peers.get(key);
    return joinProgress({
      hasCredential: this.#api !== undefined,
      isRegistered: this.#cluster?.registered ?? false,
      hub: key && this.#follower.nodeOf(key),
      lastHandshake: peer?.lastHandshake,
    }, this.#clock.wall());
  }
}
