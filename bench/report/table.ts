import type { Series } from "./series.ts";
import { printNumber, summarize } from "./statistics.ts";

/** A table of texts. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Which series go where in a table. */
export interface Layout {
  readonly title: string;
  /** The head of the first column. */
  readonly head: string;
  row(series: Series): string;
  column(series: Series): string;
}

/** A table with a median and its quartiles in each cell, rows and columns in the order of the series. */
export function tableOf(series: readonly Series[], layout: Layout): Table {
  const columns = [...new Set(series.map((one) => layout.column(one)))];
  const rows = [...new Set(series.map((one) => layout.row(one)))];
  const cell = (row: string, column: string) => {
    const values = series
      .filter((one) => layout.row(one) === row && layout.column(one) === column)
      .flatMap((one) => one.values);
    return values.length === 0 ? "–" : printSummary(values);
  };
  return {
    title: layout.title,
    columns: [layout.head, ...columns],
    rows: rows.map((row) => [row, ...columns.map((column) => cell(row, column))]),
  };
}

/** `median (lower quartile–upper quartile)`; the median alone where all are alike. */
export function printSummary(values: readonly number[]): string {
  const { median, low, high } = summarize(values);
  const [middle, from, to] = [median, low, high].map(printNumber);
  return from === to ? middle! : `${middle} (${from}–${to})`;
}

/** The table as Markdown, columns aligned as `deno fmt` would. */
export function printTable({ title, columns, rows }: Table): string {
  const widths = columns.map((column, at) =>
    Math.max(3, column.length, ...rows.map((row) => row[at]!.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [`**${title}**`, "", line(columns), rule, ...rows.map(line), ""].join("\n");
}
