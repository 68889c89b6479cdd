/** A plot of cost against numbers, both axes logarithmic. */
export interface LineChart {
  readonly kind: "lines";
  /** The file's name without ending. */
  readonly name: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly points: readonly ChartPoint[];
}

export interface ChartPoint {
  readonly way: string;
  readonly x: number;
  readonly y: number;
  /** The quartiles. */
  readonly low: number;
  readonly high: number;
}

/** A plot of bars, a group of them for each of `group`. */
export interface BarChart {
  readonly kind: "bars";
  readonly name: string;
  readonly title: string;
  readonly y: string;
  readonly bars: readonly {
    readonly way: string;
    readonly group: string;
    readonly value: number;
  }[];
}

export type Chart = LineChart | BarChart;
