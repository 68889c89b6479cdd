import type { Chart } from "./chart.ts";
import { goalTable } from "./goal.ts";
import { REPORTERS } from "./reporters.ts";
import type { SectionResult } from "./series.ts";
import { printTable } from "./table.ts";

/** A section's report as Markdown, and its plots. */
export interface Presentation {
  readonly section: string;
  readonly text: string;
  readonly charts: readonly Chart[];
}

/** @throws {Error} for a section that nobody reports. */
export function present(result: SectionResult): Presentation {
  const { section, series, at, machine, seconds } = result;
  const reporter = REPORTERS[section];
  if (!reporter) throw new Error(`no reporter for ${section}`);
  const { tables, charts, goals } = reporter(series);
  const all = [...tables, goalTable(goals)].filter(({ rows }) => rows.length > 0);
  const taken = `_${at.slice(0, 10)}, ${machine}; ${seconds} s._\n`;
  return { section, charts, text: [...all.map(printTable), taken].join("\n") };
}
