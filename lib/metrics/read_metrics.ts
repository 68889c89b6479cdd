import type { PromClient } from "./prom_client.ts";

/** A series as it is read: the values of the labels, in their order, and its own. */
export type Reading = readonly [labels: readonly string[], value: number];

/** A metric of which nothing is kept: its series are read whenever somebody asks. */
export interface ReadMetric {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** What is not among the readings is no series any more. Must not fail. */
  read(): Iterable<Reading> | Promise<Iterable<Reading>>;
}

/** A registry, and what makes metrics in it. */
export interface MetricSet {
  readonly library: PromClient;
  readonly registry: InstanceType<PromClient["Registry"]>;
}

/** A value that rises and falls. */
export function readGauge({ library, registry }: MetricSet, metric: ReadMetric): void {
  new library.Gauge({
    ...settingsOf(metric),
    registers: [registry],
    async collect() {
      const readings = await metric.read();
      this.reset();
      for (const [labels, value] of readings) this.labels(...labels).set(value);
    },
  });
}

/** A count that somebody else keeps. */
export function readCounter({ library, registry }: MetricSet, metric: ReadMetric): void {
  new library.Counter({
    ...settingsOf(metric),
    registers: [registry],
    async collect() {
      const readings = await metric.read();
      this.reset();
      for (const [labels, value] of readings) this.labels(...labels).inc(value);
    },
  });
}

function settingsOf({ name, help, labelNames }: ReadMetric) {
  return { name, help, labelNames: [...labelNames] };
}
