import { ApiStatus, badRequest, expired, notFound } from "./api_status.ts";
import { isObject, type JsonObject, mergePatch } from "./merge_patch.ts";

/** A Node as it is kept: never changed in place, so that whoever holds one holds one moment. */
export interface NodeObject {
  readonly kind: "Node";
  readonly apiVersion: "v1";
  readonly metadata: NodeMetadata;
  readonly spec: JsonObject;
  readonly status: JsonObject;
}

interface NodeMetadata {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Kept as they come, where a real server writes them itself: for metadata of a real one's size. */
  readonly managedFields?: readonly unknown[];
}

/** One step of history. `before` and `after` are both there where a Node changed. */
export interface NodeChange {
  readonly version: number;
  readonly before?: NodeObject;
  readonly after?: NodeObject;
}

/** Nodes, and how they came to be what they are. */
export class NodeStore {
  readonly #nodes = new Map<string, NodeObject>();
  readonly #listeners = new Set<(change: NodeChange) => void>();
  #history: NodeChange[] = [];
  #version = 1;
  /** A watch may begin at this version or later. */
  #oldest = 1;

  get version(): number {
    return this.#version;
  }

  get(name: string): NodeObject {
    const node = this.#nodes.get(name);
    if (node === undefined) throw notFound(name);
    return node;
  }

  /** All Nodes, by name. */
  list(): NodeObject[] {
    return [...this.#nodes.values()].sort((a, b) => a.metadata.name < b.metadata.name ? -1 : 1);
  }

  /** @throws {ApiStatus} 400 if it is no Node, 409 if there is one of that name. */
  create(json: unknown): NodeObject {
    if (!isObject(json) || json.kind !== "Node" || !isObject(json.metadata)) {
      throw badRequest("the object provided is no Node");
    }
    const { name, labels, annotations, managedFields } = json.metadata;
    if (typeof name !== "string" || !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) {
      throw new ApiStatus(422, "Invalid", "Node is invalid: metadata.name: no DNS subdomain");
    }
    if (this.#nodes.has(name)) {
      throw new ApiStatus(409, "AlreadyExists", `nodes "${name}" already exists`);
    }
    const metadata = {
      name,
      uid: crypto.randomUUID(),
      creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
      labels: stringsOf(labels, "labels"),
      annotations: stringsOf(annotations, "annotations"),
      ...(Array.isArray(managedFields) && { managedFields }),
    };
    return this.#put(undefined, {
      kind: "Node",
      apiVersion: "v1",
      metadata,
      spec: isObject(json.spec) ? json.spec : {},
      status: isObject(json.status) ? json.status : {},
    });
  }

  /**
   * Applies a merge patch. The status is changed by way of `/status` alone, spec not by that.
   *
   * @throws {ApiStatus} 404; 409 if the patch names another resource version than the Node's.
   */
  patch(name: string, patch: unknown, part: "main" | "status"): NodeObject {
    const before = this.get(name);
    const merged = mergePatch(before, patch);
    if (!isObject(merged) || !isObject(merged.metadata)) throw badRequest("no merge patch");
    if (merged.metadata.resourceVersion !== before.metadata.resourceVersion) {
      throw new ApiStatus(
        409,
        "Conflict",
        `Operation cannot be fulfilled on nodes "${name}": the object has been modified; ` +
          "please apply your changes to the latest version and try again",
      );
    }
    const { labels, annotations } = merged.metadata;
    const after = {
      ...before,
      metadata: {
        ...before.metadata,
        labels: stringsOf(labels, "labels"),
        annotations: stringsOf(annotations, "annotations"),
      },
      ...(part === "main"
        ? { spec: isObject(merged.spec) ? merged.spec : {} }
        : { status: isObject(merged.status) ? merged.status : {} }),
    };
    // A patch that changes nothing leaves no trace.
    return canonical(after) === canonical(before) ? before : this.#put(before, after);
  }

  /** @throws {ApiStatus} 404 */
  delete(name: string): void {
    const before = this.get(name);
    this.#nodes.delete(name);
    this.#record({ version: ++this.#version, before });
  }

  /**
   * What has happened after a version.
   *
   * @throws {ApiStatus} 410 if that has been forgotten.
   */
  since(version: number): readonly NodeChange[] {
    if (version < this.#oldest) throw expired(version, this.#oldest);
    return this.#history.filter((change) => change.version > version);
  }

  /** Forgets what has happened so far, as etcd does every few minutes. */
  forgetHistory(): void {
    this.#version++;
    this.#oldest = this.#version;
    this.#history = [];
  }

  /** Tells of every change from now on. Returns how to end that. */
  subscribe(listener: (change: NodeChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #put(
    before: NodeObject | undefined,
    node: Omit<NodeObject, "metadata"> & { metadata: Omit<NodeMetadata, "resourceVersion"> },
  ): NodeObject {
    const version = ++this.#version;
    const after = { ...node, metadata: { ...node.metadata, resourceVersion: String(version) } };
    this.#nodes.set(after.metadata.name, after);
    this.#record(before === undefined ? { version, after } : { version, before, after });
    return after;
  }

  #record(change: NodeChange): void {
    this.#history.push(change);
    for (const listener of this.#listeners) listener(change);
  }
}

function stringsOf(json: unknown, field: string): Readonly<Record<string, string>> {
  const entries = Object.entries(isObject(json) ? json : {});
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === "string")) {
    throw badRequest(`metadata.${field}: its values must be strings`);
  }
  return Object.fromEntries(entries);
}

function canonical(json: unknown): string {
  return JSON.stringify(
    json,
    (_key, value: unknown) =>
      isObject(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1))
        : value,
  );
}
