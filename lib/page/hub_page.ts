import { Coalesced } from "../metrics/coalesced.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { Answerer } from "../serve_http.ts";
import { plainText } from "../serve_http.ts";
import { EventStreams } from "./event_stream.ts";
import type { HubView } from "./hub_view.ts";
import { isLoopback, refuseStrangers } from "./page_guard.ts";
import { changedRegions, INLINE, type Regions, renderPage, renderRegions } from "./render_page.ts";

/** What the page is made of. */
export interface HubPageParts {
  /** The hub as it is now. */
  read(): Promise<HubView>;
  /** Where it is served. */
  readonly address: ListenAddress;
  /** Ends the streams of those that listen. */
  readonly signal: AbortSignal;
  /** Between two looks for those that listen, in ms; default: 2 s. */
  readonly everyMs?: number;
}

/** A view serves for so long, in ms: it costs a reading of the kernel, and whoever asks may flood. */
const FRESH = 1_000;

/**
 * The hub's page at `/`, and at `/events` what changes of it, for a page that is open. Nothing can be
 * changed by it, and nothing secret is in it.
 */
export async function hubPage(parts: HubPageParts): Promise<Record<"/" | "/events", Answerer>> {
  const { address, signal, everyMs = 2_000 } = parts;
  const isLocal = address !== "off" && isLoopback(address.hostname);
  const headers = await safeHeaders();
  const view = new Coalesced(() => parts.read(), FRESH);
  const regions = new Coalesced(async () => renderRegions(await view.get()), FRESH);
  const streams = new EventStreams<Regions>({
    read: () => regions.get(),
    tell: (shown, now) => {
      const changed = changedRegions(shown ?? {}, now);
      return Object.keys(changed).length > 0 ? changed : undefined;
    },
    everyMs,
    signal,
  });
  return {
    "/": async (request) =>
      refuseStrangers(request, isLocal) ??
        new Response(renderPage(await view.get()), {
          headers: { ...headers, "content-type": "text/html; charset=utf-8" },
        }),
    "/events": (request) => {
      const refusal = refuseStrangers(request, isLocal);
      if (refusal) return refusal;
      // Nobody would read the stream of a HEAD.
      const stream = request.method === "HEAD" ? null : streams.open();
      if (stream === undefined) {
        return plainText(503, "too many pages are open\n", { "retry-after": "60" });
      }
      return new Response(stream, {
        headers: {
          ...headers,
          "content-type": "text/event-stream",
          // Compressed, a line would wait until there are enough of them.
          "cache-control": "no-store, no-transform",
        },
      });
    },
  };
}

/** What a browser is told: nothing but what is in the page itself, which no other page may show. */
async function safeHeaders(): Promise<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `style-src '${await hashOf(INLINE.style)}'`,
    `script-src '${await hashOf(INLINE.script)}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    "content-security-policy": policy.join("; "),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
  };
}

/** As the policy names an inline text (CSP level 3, section 2.3.1). */
async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${new Uint8Array(digest).toBase64()}`;
}
