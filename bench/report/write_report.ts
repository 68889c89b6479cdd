import { plot } from "./plot.ts";
import type { Presentation } from "./present.ts";
import type { SectionResult } from "./series.ts";

const PAGE = "docs/performance.md";
const PLOTS = "docs/performance";
const RESULTS = "bench/results";

/**
 * Writes figures, plots and tables: those of a quick run to a folder, those of a full run to
 * where they are kept.
 */
export async function writeReport(
  results: readonly SectionResult[],
  presentations: readonly Presentation[],
  folder?: string,
): Promise<void> {
  const plots = folder ?? PLOTS;
  await Deno.mkdir(plots, { recursive: true });
  for (const chart of presentations.flatMap(({ charts }) => charts)) {
    await Deno.writeTextFile(`${plots}/${chart.name}.svg`, `${await plot(chart)}\n`);
  }
  if (folder !== undefined) return;
  await Deno.mkdir(RESULTS, { recursive: true });
  for (const result of results) {
    const text = `${JSON.stringify(result, roundedNumber, 1)}\n`;
    await Deno.writeTextFile(`${RESULTS}/${result.section}.json`, text);
  }
  let page = await Deno.readTextFile(PAGE);
  for (const { section, text } of presentations) page = withTables(page, section, text);
  await Deno.writeTextFile(PAGE, page);
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
