import type { Refusal } from "../contract/refusal.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { Endpoint } from "../serve_http.ts";
import type { Observer } from "./observer.ts";
import { countPipeline, type PipelineState, readPipeline } from "./pipeline_metrics.ts";
import { importPromClient } from "./prom_client.ts";
import { readWireGuard, type WireGuardSource } from "./wireguard_metrics.ts";

/** What of the program's state is read when somebody asks. */
export type MetricsSources =
  & Omit<WireGuardSource, "refusals">
  & Omit<PipelineState, "refusals" | "program">;

/** The metrics of a program. */
export interface Metrics {
  /** Takes what the program does. */
  readonly observer: Observer;
  /** From when on state is read, too. To be called once. */
  readFrom(sources: MetricsSources): void;
  /** What is served. */
  readonly endpoint: Endpoint;
}

/**
 * Metrics in the text format of Prometheus, at `/metrics` of that address; undefined, and without the
 * library being imported, if it is off.
 *
 * @param program `hub` or `spoke`.
 */
export async function openMetrics(
  program: string,
  address: ListenAddress,
): Promise<Metrics | undefined> {
  if (address === "off") return undefined;
  const library = await importPromClient();
  const registry = new library.Registry();
  const set = { library, registry };
  const observer = countPipeline(set);
  let held: readonly Refusal[] = [];
  const refusals = () => held;
  return {
    observer: { ...observer, refusals: (now) => observer.refusals(held = now) },
    readFrom: (sources) => {
      readPipeline(set, { ...sources, program, refusals });
      readWireGuard(set, { ...sources, refusals });
    },
    endpoint: {
      name: "metrics endpoint",
      address,
      paths: {
        "/metrics": async () =>
          new Response(await registry.metrics(), {
            headers: { "content-type": registry.contentType, "cache-control": "no-store" },
          }),
      },
    },
  };
}
