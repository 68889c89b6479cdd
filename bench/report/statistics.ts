/** What repeated measurements come to. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  /** The quartiles: half of all values lie between them. */
  readonly low: number;
  readonly high: number;
}

/**
 * The value below which that share of all lies, interpolated between neighbours (type 7 of Hyndman
 * and Fan, 1996).
 *
 * @param share 0 to 1.
 * @returns NaN without any values.
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  if (below === undefined || above === undefined) return NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/** Median and quartiles. */
export function summarize(values: readonly number[]): Summary {
  return {
    count: values.length,
    median: quantile(values, 0.5),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
  };
}

/**
 * The exponent by which a cost grows: 0 is the same for any number, 1 is in proportion. Fitted by
 * least squares to the logarithms.
 *
 * @param points number and cost, both above 0.
 */
export function growthExponent(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (at: 0 | 1) => logs.reduce((sum, point) => sum + point[at], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  let products = 0;
  let squares = 0;
  for (const [x, y] of logs) {
    products += (x - meanX) * (y - meanY);
    squares += (x - meanX) ** 2;
  }
  return products / squares;
}

/** A number with three significant digits, thousands apart, and no exponent: `0.0123`, `4.56`, `12,300`. */
export function printNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  if (size >= 2) {
    const step = 10 ** (size - 2);
    return (Math.round(value / step) * step).toLocaleString("en-US", { maximumFractionDigits: 0 });
  }
  return String(Number(value.toPrecision(3)));
}
