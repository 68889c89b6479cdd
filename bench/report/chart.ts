/** A plot of cost against numbers. */
export interface LineChart {
  readonly kind: "lines";
  /** The file's name without ending. */
  readonly name: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** Of both axes; logarithmic unless told. */
  readonly scale?: "linear";
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

/** A plot of lying bars, a bunch of them for each way. */
export interface BarChart {
  readonly kind: "bars";
  readonly name: string;
  readonly title: string;
  /** What the bars' length is. */
  readonly value: string;
  readonly bars: readonly {
    readonly way: string;
    readonly group: string;
    readonly value: number;
  }[];
}

export type Chart = LineChart | BarChart;
