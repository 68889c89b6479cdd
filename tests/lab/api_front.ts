import type { Certificate } from "./x509.ts";

/** Where an {@linkcode ApiFront} listens, and what is behind it. */
export interface ApiFrontOptions {
  readonly hostname: string;
  readonly port: number;
  /** The URL of the server behind it. */
  readonly target: string;
}

/**
 * A door with TLS before an API server. It can be shut, so that nobody listens and what was open is
 * cut, and be opened again with another certificate; what is behind it goes on meanwhile.
 */
export class ApiFront implements AsyncDisposable {
  readonly #options: ApiFrontOptions;
  #open: { readonly server: Deno.HttpServer; readonly stop: AbortController } | undefined;

  constructor(options: ApiFrontOptions) {
    this.#options = options;
  }

  /** Where it listens, for a kubeconfig. */
  get url(): string {
    return `https://${this.#options.hostname}:${this.#options.port}`;
  }

  /** Listens, and shows that certificate. */
  open({ certificate: cert, key }: Certificate): void {
    const { hostname, port, target } = this.#options;
    const stop = new AbortController();
    const server = Deno.serve(
      { hostname, port, cert, key, signal: stop.signal, onListen: () => {} },
      (request) => forward(request, target, stop.signal),
    );
    this.#open = { server, stop };
  }

  /** Nobody listens any more. */
  async shut(): Promise<void> {
    this.#open?.stop.abort();
    await this.#open?.server.finished;
    this.#open = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shut();
  }
}

async function forward(request: Request, target: string, shut: AbortSignal): Promise<Response> {
  const { method, headers } = request;
  const { pathname, search } = new URL(request.url);
  const body = method === "GET" ? null : await request.text();
  const answer = await fetch(`${target}${pathname}${search}`, {
    method,
    headers,
    body,
    signal: shut,
  });
  return new Response(answer.body, { status: answer.status, headers: answer.headers });
}
