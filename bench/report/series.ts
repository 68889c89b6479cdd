/** What was measured, again and again, of one way of doing one thing. */
export interface Series {
  /** Who did it, e.g. `Go, full replace`. */
  readonly way: string;
  /** What was done, e.g. `add`. */
  readonly what: string;
  /** How many peers or Nodes there were. */
  readonly peers?: number;
  /** Of the values, e.g. `ms`. */
  readonly unit: string;
  readonly values: readonly number[];
}

/** What a section of the benchmark wrote down. */
export interface SectionResult {
  readonly section: string;
  /** When it began, as ISO 8601. */
  readonly at: string;
  readonly seconds: number;
  readonly quick: boolean;
  /** What it was taken on. */
  readonly machine: string;
  readonly series: readonly Series[];
}

/** The values of one series; none if it is not there. */
export function valuesOf(
  series: readonly Series[],
  way: string,
  what: string,
  peers?: number,
): readonly number[] {
  const found = series.filter((one) =>
    one.way === way && one.what === what && (peers === undefined || one.peers === peers)
  );
  return found.flatMap(({ values }) => values);
}

/** The numbers of peers that there are figures of, ascending. */
export function sizesOf(series: readonly Series[]): number[] {
  return [...new Set(series.flatMap(({ peers }) => peers ?? []))].sort((a, b) => a - b);
}
