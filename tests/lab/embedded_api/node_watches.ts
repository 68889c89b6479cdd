import { ApiStatus } from "./api_status.ts";
import type { NodeFilter } from "./node_selector.ts";
import type { NodeChange, NodeObject, NodeStore } from "./node_store.ts";
import type { Representation } from "./representation.ts";

/** What a watch is asked for. */
export interface WatchRequest {
  readonly filter: NodeFilter;
  readonly form: Representation;
  /** Undefined or 0: begin with what there is. */
  readonly version: number | undefined;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

/** The watches that are open. */
export class NodeWatches {
  readonly #store: NodeStore;
  readonly #bookmarkMs: number;
  readonly #open = new Set<OpenWatch>();
  #silent = false;

  constructor(store: NodeStore, bookmarkMs: number) {
    this.#store = store;
    this.#bookmarkMs = bookmarkMs;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Answers with a stream that lasts until its time is over, the client leaves, or it is cut. */
  respond(request: WatchRequest): Response {
    let watch: OpenWatch;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        watch = {
          controller,
          end: () => {
            clearInterval(bookmarks);
            clearTimeout(timeout);
            unsubscribe();
            this.#open.delete(watch);
          },
        };
        const send = (type: string, object: unknown) => {
          if (!this.#silent) controller.enqueue(line({ type, object }));
        };
        const bookmark = () => {
          if (request.bookmarks) send("BOOKMARK", request.form.bookmark(this.#store.version));
        };
        const bookmarks = setInterval(bookmark, this.#bookmarkMs);
        const timeout = setTimeout(() => {
          bookmark();
          this.#finish(watch);
        }, request.timeoutMs);
        const unsubscribe = this.#store.subscribe((change) => tell(change, request, send));
        this.#open.add(watch);
        if (!this.#begin(request, send)) this.#finish(watch);
      },
      cancel: () => watch.end(),
    });
    return new Response(stream, { headers: { "content-type": "application/json" } });
  }

  /** Breaks every watch off, as a proxy that dies does. */
  cutAll(): void {
    for (const watch of [...this.#open]) {
      watch.end();
      watch.controller.error(new Error("cut"));
    }
  }

  /** Ends every watch as the server does when it shuts down. */
  endAll(): void {
    for (const watch of [...this.#open]) this.#finish(watch);
  }

  /** Whether watches are kept open without a word: what happens meanwhile is lost to them. */
  set silent(silent: boolean) {
    this.#silent = silent;
  }

  #finish(watch: OpenWatch): void {
    watch.end();
    watch.controller.close();
  }

  /** Sends what the client has missed. False if that is not known any more. */
  #begin(request: WatchRequest, send: Send): boolean {
    if (!request.version) {
      for (const node of this.#store.list().filter(request.filter)) {
        send("ADDED", request.form.object(node));
      }
      return true;
    }
    try {
      for (const change of this.#store.since(request.version)) tell(change, request, send);
      return true;
    } catch (error) {
      if (!(error instanceof ApiStatus)) throw error;
      send("ERROR", error.body());
      return false;
    }
  }
}

type Send = (type: string, object: unknown) => void;

interface OpenWatch {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** Frees what it holds. */
  end(): void;
}

/** A Node that enters the selector is ADDED to it, one that leaves is DELETED from it. */
function tell(change: NodeChange, { filter, form }: WatchRequest, send: Send): void {
  const before = change.before !== undefined && filter(change.before);
  const { after } = change;
  if (after !== undefined && filter(after)) {
    send(before ? "MODIFIED" : "ADDED", form.object(after));
  } else if (before) {
    send("DELETED", form.object(atVersion(after ?? change.before!, change.version)));
  }
}

function atVersion(node: NodeObject, version: number): NodeObject {
  return { ...node, metadata: { ...node.metadata, resourceVersion: String(version) } };
}

function line(json: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(json) + "\n");
}
