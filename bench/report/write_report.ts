import { type Agreement, printAgreement } from "./agreement.ts";
import { plot } from "./plot.ts";
import type { Presentation } from "./present.ts";
import type { SectionResult } from "./series.ts";

const PAGE = "docs/performance.md";
const PLOTS = "docs/performance";
/** Where the figures of full runs are kept. */
export const RESULTS = "bench/results";

/** What a report is written with. */
export interface WriteOptions {
  /** How far it agrees with the run before, if there was one. */
  readonly agreement: Agreement | undefined;
  /** Where the plots of a quick run go, of which nothing else is kept. */
  readonly folder?: string;
}

/** Writes the figures, plots and tables of a section, those of a full run to where they are kept. */
export async function writeReport(
  result: SectionResult,
  { section, text, charts }: Presentation,
  { agreement, folder }: WriteOptions,
): Promise<void> {
  const plots = folder ?? PLOTS;
  await Deno.mkdir(plots, { recursive: true });
  for (const chart of charts) {
    await Deno.writeTextFile(`${plots}/${chart.name}.svg`, `${await plot(chart)}\n`);
  }
  if (folder !== undefined) return;
  await Deno.mkdir(RESULTS, { recursive: true });
  const json = `${JSON.stringify(result, roundedNumber, 1)}\n`;
  await Deno.writeTextFile(`${RESULTS}/${section}.json`, json);
  const page = await Deno.readTextFile(PAGE);
  const tables = agreement ? `${text}\n${printAgreement(agreement)}\n` : text;
  await Deno.writeTextFile(PAGE, withTables(page, section, tables));
}

/** The page with the tables of a section between their marks. @throws {Error} if it has no such marks. */
export function withTables(page: string, section: string, tables: string): string {
  const begin = `<!-- bench:${section} -->\n`;
  const start = page.indexOf(begin);
  const end = page.indexOf("<!-- /bench -->", start);
  if (start < 0 || end < 0) throw new Error(`${PAGE} has no place for the tables of ${section}`);
  return `${page.slice(0, start + begin.length)}\n${tables}\n${page.slice(end)}`;
}

/** Four digits behind the point are more than the clock has. */
function roundedNumber(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 1e4) / 1e4 : value;
}
