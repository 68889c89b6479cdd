import type * as Library from "prom-client";

/** The parts of prom-client that are used. */
export type PromClient = Pick<typeof Library, "Registry" | "Counter" | "Gauge" | "Histogram">;

/**
 * Imports prom-client: late, since a program without metrics need not pay for it, and part by part,
 * since the whole also brings metrics of the process, which read /proc, and costs five times the
 * memory. The parts come without types: these are theirs.
 */
export async function importPromClient(): Promise<PromClient> {
  const [registry, counter, gauge, histogram] = await Promise.all([
    import("prom-client/registry"),
    import("prom-client/counter"),
    import("prom-client/gauge"),
    import("prom-client/histogram"),
  ]);
  return {
    Registry: registry.default,
    Counter: counter.default,
    Gauge: gauge.default,
    Histogram: histogram.default,
  };
}
