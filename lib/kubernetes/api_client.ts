import type { NodeView } from "../contract/node.ts";
import { ApiError, ApiUnreachable } from "./api_error.ts";
import {
  type ApiRequest,
  ApiTransport,
  type CredentialSource,
  describe,
  type TransportOptions,
} from "./api_transport.ts";
import { type NodeEvent, parseNodeEvent, resourceVersionOf } from "./node_event.ts";
import { EVENT_NAMESPACE, eventOf, type NodeReport } from "./node_report.ts";
import { nodeAddressesIn, type NodeAddressMap } from "./node_table.ts";
import { serverHostsIn } from "./server_hosts.ts";
import { nodeView } from "./node_view.ts";
import type { IpAddress } from "../ip/address.ts";

/** What can be set of an {@linkcode ApiClient}. */
export interface ClientOptions extends TransportOptions {
  /** Labels and annotations of Nodes that do not begin so are left out of what is read. */
  readonly annotationPrefix?: string;
}

/** Which Nodes, in the notation of Kubernetes; all of them if neither is given. */
export interface NodeSelector {
  /** e.g. `wireguard.kube/peer=true` */
  readonly labelSelector?: string;
  /** e.g. `metadata.name=edge-7` */
  readonly fieldSelector?: string;
}

/** What {@linkcode ApiClient.listNodes} is told beside the selector. */
export interface ListOptions {
  /** Leave out spec and status: a tenth of the bytes. */
  readonly metadataOnly: boolean;
  readonly signal: AbortSignal;
  /** Nodes a page. Default 500. */
  readonly limit?: number;
}

/** What {@linkcode ApiClient.watchNodes} is told beside the selector. */
export interface WatchOptions {
  readonly metadataOnly: boolean;
  readonly signal: AbortSignal;
  /** Where to begin: that of a list, or of an earlier event. */
  readonly resourceVersion: string;
  /** When the server is to end the watch. */
  readonly timeoutSeconds: number;
  /** The silence after which the connection counts as dead. A bookmark comes about once a minute. */
  readonly idleMs: number;
}

/** All Nodes of a selector at one moment. */
export interface NodeList {
  readonly nodes: readonly NodeView[];
  readonly resourceVersion: string;
}

/** Values for some labels or annotations; null removes one. */
export type StringPatch = Readonly<Record<string, string | null>>;

/** Labels and annotations of a Node to be set or removed; those not named stay. */
export interface NodePatch {
  readonly labels?: StringPatch;
  readonly annotations?: StringPatch;
}

const NODES = "/api/v1/nodes";
const LIST_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1";
const JSON_TYPE = "application/json";

/**
 * What this program asks of the Kubernetes API. Errors and time limits are those of
 * {@linkcode ApiTransport}.
 */
export class ApiClient implements AsyncDisposable {
  readonly #transport: ApiTransport;
  readonly #prefix: string;

  /** The client owns the credentials: it closes them. */
  constructor(credentials: CredentialSource, options: ClientOptions = {}) {
    this.#transport = new ApiTransport(credentials, options);
    this.#prefix = options.annotationPrefix ?? "";
  }

  /** The API server's name, or its address without brackets, as the credential has it. */
  get host(): string | undefined {
    return this.baseUrl && new URL(this.baseUrl).hostname.replace(/^\[|\]$/g, "");
  }

  /** Where the API server is, as the credential says. */
  get baseUrl(): string | undefined {
    return this.#transport.baseUrl;
  }

  /** The proxy that the credential names, if it does. */
  get proxyUrl(): string | undefined {
    return this.#transport.proxyUrl;
  }

  /** The next request reads the credential again, and takes a new connection. */
  renew(): void {
    this.#transport.renew();
  }

  /** Any request, and its answer's JSON; undefined if the answer is empty. */
  send(request: ApiRequest): Promise<unknown> {
    return this.#transport.send(request);
  }

  /** Where the API server itself says that it is reached: addresses, or names. */
  async serverHosts(signal: AbortSignal): Promise<string[]> {
    return serverHostsIn(await this.send({ path: "/api", signal }));
  }

  /** One Node, whole; undefined if there is none of that name. */
  async getNode(name: string, signal: AbortSignal): Promise<NodeView | undefined> {
    try {
      return nodeView(await this.send({ path: nodePath(name), signal }), this.#prefix);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Sets and removes labels and annotations of a Node that exists (else ApiError 404). */
  async patchNode(name: string, patch: NodePatch, signal: AbortSignal): Promise<NodeView> {
    const node = nodeView(
      await this.send({
        method: "PATCH",
        path: nodePath(name),
        contentType: "application/merge-patch+json",
        body: { metadata: patch },
        signal,
      }),
      this.#prefix,
    );
    if (node === undefined) {
      throw new ApiUnreachable(`PATCH ${nodePath(name)}: the answer is no Node`);
    }
    return node;
  }

  /** Writes down an Event about a Node, where `kubectl describe node` shows it. */
  async createEvent(report: NodeReport, signal: AbortSignal): Promise<void> {
    await this.#transport.send({
      method: "POST",
      path: `/apis/events.k8s.io/v1/namespaces/${EVENT_NAMESPACE}/events`,
      body: eventOf(report),
      signal,
    });
  }

  /** All Nodes of a selector, read page by page from one consistent state. */
  async listNodes(selector: NodeSelector, options: ListOptions): Promise<NodeList> {
    const nodes: NodeView[] = [];
    let resourceVersion = "";
    const query = { ...selector, limit: String(options.limit ?? 500) };
    const accept = options.metadataOnly ? LIST_METADATA : JSON_TYPE;
    for await (const page of this.#pages(query, accept, options.signal)) {
      // An empty list of metadata says `"items": null`.
      const items = page?.items === null ? [] : page?.items;
      if (!Array.isArray(items)) throw new ApiUnreachable(`GET ${NODES}: no list was answered`);
      for (const item of items) {
        const node = nodeView(item, this.#prefix);
        if (node !== undefined) nodes.push(node);
      }
      resourceVersion = resourceVersionOf(page);
    }
    return { nodes, resourceVersion };
  }

  /**
   * The addresses of all Nodes of a selector: a fiftieth of the bytes of the Nodes themselves.
   *
   * @param whole read all addresses of each Node; else the first of each kind does, as people see it.
   */
  async listNodeAddresses(
    selector: NodeSelector,
    whole: boolean,
    signal: AbortSignal,
  ): Promise<NodeAddressMap> {
    const found = new Map<string, readonly IpAddress[]>();
    const query = whole
      ? { ...selector, limit: "100" }
      : { ...selector, limit: "500", includeObject: "None" };
    const accept = whole ? JSON_TYPE : `${TABLE}, ${JSON_TYPE}`;
    for await (const page of this.#pages(query, accept, signal)) {
      const addresses = nodeAddressesIn(page);
      if (addresses) { for (const [name, list] of addresses) found.set(name, list); }
      else if (whole) throw new ApiUnreachable(`GET ${NODES}: no list was answered`);
      else return await this.listNodeAddresses(selector, true, signal);
    }
    return found;
  }

  async *#pages(query: ApiRequest["query"], accept: string, signal: AbortSignal) {
    let next: string | undefined;
    do {
      const page = await this.send({
        path: NODES,
        query: { ...query, continue: next },
        accept,
        signal,
      }) as { items?: unknown; metadata?: { continue?: unknown } } | null;
      yield page;
      const token = page?.metadata?.continue;
      next = typeof token === "string" ? token : undefined;
    } while (next);
  }

  /**
   * What happens to the Nodes of a selector from a moment on. Ends when the server ends it; throws
   * ApiError 410 when that moment is too long ago.
   */
  async *watchNodes(selector: NodeSelector, options: WatchOptions): AsyncGenerator<NodeEvent> {
    const request: ApiRequest = {
      path: NODES,
      query: {
        ...selector,
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion: options.resourceVersion,
        timeoutSeconds: String(options.timeoutSeconds),
      },
      accept: options.metadataOnly ? METADATA : JSON_TYPE,
      signal: options.signal,
    };
    const what = describe(request);
    for await (const line of this.#transport.lines(request, options.idleMs)) {
      yield line === "" ? { type: "open" } : parseNodeEvent(what, line, this.#prefix);
    }
  }

  /** Closes the connections as soon as the requests under way have ended. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#transport[Symbol.dispose]();
    return Promise.resolve();
  }
}

function nodePath(name: string): string {
  return `${NODES}/${encodeURIComponent(name)}`;
}
