import { ApiStatus, badRequest, noResource } from "./api_status.ts";
import { isObject, type JsonObject } from "./merge_patch.ts";
import { nodeFilter } from "./node_selector.ts";
import type { NodeObject, NodeStore } from "./node_store.ts";
import type { NodeWatches } from "./node_watches.ts";
import { type Representation, representationOf } from "./representation.ts";

/** What the routes work on. */
export interface ApiState {
  readonly store: NodeStore;
  readonly watches: NodeWatches;
  /** The Events that were posted. */
  readonly events: JsonObject[];
  /** Lists that are being read page by page, by their version. */
  readonly pages: Map<number, readonly NodeObject[]>;
}

const EVENTS = /^\/(?:api\/(v1)|apis\/(events\.k8s\.io\/v1))\/namespaces\/([^/]+)\/events$/;
const NODE = /^\/api\/v1\/nodes\/([^/]+)(\/status)?$/;

/**
 * Answers a request.
 *
 * @throws {ApiStatus} for what a real server would refuse, and for what this one cannot do.
 */
export async function route(request: Request, state: ApiState): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const { method } = request;
  if (method === "GET" && /^\/(readyz|livez|healthz)$/.test(pathname)) return new Response("ok");
  if (method === "GET" && pathname === "/version") {
    return Response.json({ major: "1", minor: "34", gitVersion: "v1.34.0-embedded" });
  }
  if (method === "GET" && pathname === "/api") {
    const at = { clientCIDR: "0.0.0.0/0", serverAddress: new URL(request.url).host };
    return Response.json({ kind: "APIVersions", serverAddressByClientCIDRs: [at] });
  }
  const form = representationOf(request.headers.get("accept") ?? "*/*");
  if (pathname === "/api/v1/nodes") {
    if (method === "GET") return listOrWatch(searchParams, form, state);
    if (method === "POST") {
      return Response.json(form.object(state.store.create(await body(request))), { status: 201 });
    }
  }
  const [, name, status] = NODE.exec(pathname) ?? [];
  if (name !== undefined) {
    return await oneNode(request, decodeURIComponent(name), status !== undefined, form, state);
  }
  const [, core, group, namespace] = EVENTS.exec(pathname) ?? [];
  if (namespace !== undefined && method === "POST") {
    const event = acceptEvent(await body(request), (core ?? group)!, namespace, state);
    return Response.json(event, { status: 201 });
  }
  throw noResource();
}

async function oneNode(
  request: Request,
  name: string,
  isStatus: boolean,
  form: Representation,
  { store }: ApiState,
): Promise<Response> {
  switch (request.method) {
    case "GET":
      return Response.json(form.object(store.get(name)));
    case "PATCH": {
      const type = request.headers.get("content-type")?.split(";")[0];
      if (type !== "application/merge-patch+json") {
        throw new ApiStatus(415, "UnsupportedMediaType", "only application/merge-patch+json");
      }
      const patched = store.patch(name, await body(request), isStatus ? "status" : "main");
      return Response.json(form.object(patched));
    }
    case "DELETE":
      if (isStatus) break;
      store.delete(name);
      return Response.json({ kind: "Status", apiVersion: "v1", status: "Success" });
  }
  throw new ApiStatus(405, "MethodNotAllowed", "the server does not allow this method");
}

function listOrWatch(query: URLSearchParams, form: Representation, state: ApiState): Response {
  const filter = nodeFilter(query);
  if (!/^(1|true)$/.test(query.get("watch") ?? "")) {
    return Response.json(list(query, state, form, filter));
  }
  return state.watches.respond({
    filter,
    form,
    version: numberOf(query, "resourceVersion"),
    bookmarks: query.get("allowWatchBookmarks") === "true",
    timeoutMs: 1000 * (numberOf(query, "timeoutSeconds") ?? 1800),
  });
}

function list(
  query: URLSearchParams,
  { store, pages }: ApiState,
  form: Representation,
  filter: (node: NodeObject) => boolean,
): unknown {
  const limit = numberOf(query, "limit") || Infinity;
  const [version = store.version, start = 0] = (query.get("continue") ?? "").split(":")
    .filter(Boolean).map(Number);
  const nodes = start === 0 ? store.list().filter(filter) : pages.get(version);
  if (nodes === undefined) {
    throw new ApiStatus(410, "Expired", "The provided continue parameter is too old");
  }
  const end = start + limit;
  if (end < nodes.length) pages.set(version, nodes);
  const next: Record<string, string> = end < nodes.length ? { continue: `${version}:${end}` } : {};
  return form.list(nodes.slice(start, end), { resourceVersion: String(version), ...next });
}

function acceptEvent(
  json: unknown,
  apiVersion: string,
  namespace: string,
  state: ApiState,
): JsonObject {
  if (!isObject(json) || !isObject(json.metadata)) throw badRequest("the object is no Event");
  const { name, generateName } = json.metadata;
  if (typeof name !== "string" && typeof generateName !== "string") {
    throw new ApiStatus(422, "Invalid", "Event is invalid: name or generateName is required");
  }
  // Events of the old group are not measured.
  const { note } = json;
  if (
    apiVersion !== "v1" && typeof note === "string" && new TextEncoder().encode(note).length > 1024
  ) {
    throw new ApiStatus(422, "Invalid", "Event is invalid: note: can have at most 1024 bytes");
  }
  const uid = crypto.randomUUID();
  const metadata = {
    ...json.metadata,
    name: name ?? `${generateName}${uid.slice(0, 5)}`,
    namespace,
    uid,
  };
  const event = { ...json, kind: "Event", apiVersion, metadata };
  state.events.push(event);
  return event;
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^\d+$/.test(text)) throw badRequest(`${name}: ${text} is no number`);
  return Number(text);
}

async function body(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch {
    throw badRequest("the body is no JSON");
  }
}
