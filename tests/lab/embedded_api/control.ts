import type { EmbeddedApi } from "../embedded_api.ts";

/** What can be done to a server from outside of its process, as a path. */
export type ControlDeed = "fail/429" | "fail/500" | "heal" | "cut-watches" | "forget-history";

/** More requests than any test waits for. */
const ALL = 1_000_000;

/**
 * A second door of a server, by which a test in another namespace makes it fail: `POST /DEED`. Each
 * answers with the number of requests that the server has had so far.
 */
export function serveControl(api: EmbeddedApi, hostname: string, port: number): Deno.HttpServer {
  return Deno.serve({ hostname, port, onListen: () => {} }, (request) => {
    const [, deed, status] = new URL(request.url).pathname.split("/");
    switch (deed) {
      case "fail":
        api.inject({ status: Number(status), times: ALL });
        break;
      case "heal":
        api.heal();
        break;
      case "cut-watches":
        api.cutWatches();
        break;
      case "forget-history":
        api.forgetHistory();
        break;
      default:
        return new Response(null, { status: 404 });
    }
    return Response.json(api.requests.length);
  });
}
