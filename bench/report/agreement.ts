import type { SectionResult, Series } from "./series.ts";
import { printNumber, summarize } from "./statistics.ts";

/** Medians that differ by no more than this share agree, however narrow their quartiles are. */
const TOLERANCE = 0.1;
/** How many of those that do not agree are named. */
const NAMED = 5;

/** How far two runs of a section agree. */
export interface Agreement {
  /** When the earlier run began, as ISO 8601. */
  readonly before: string;
  /** How many medians both runs have. */
  readonly compared: number;
  /** Those that do not agree, the furthest apart first. */
  readonly apart: readonly Apart[];
}

/** A figure of which two runs say different things. */
export interface Apart {
  readonly name: string;
  readonly before: number;
  readonly after: number;
  readonly unit: string;
}

/**
 * Compares two runs of one section: medians agree if their quartiles overlap, as they are printed, or
 * if they differ by a tenth at most.
 *
 * @returns undefined for runs on different kernels, or of different extent.
 */
export function agreementOf(before: SectionResult, after: SectionResult): Agreement | undefined {
  if (before.machine !== after.machine || before.quick !== after.quick) return undefined;
  const earlier = new Map(before.series.map((one) => [nameOf(one), one]));
  const apart: Apart[] = [];
  let compared = 0;
  for (const one of after.series) {
    const known = earlier.get(nameOf(one));
    if (!known || known.unit !== one.unit) continue;
    compared++;
    const [a, b] = [summarize(known.values), summarize(one.values)];
    const overlap = a.low <= b.high && b.low <= a.high;
    const near = Math.abs(a.median - b.median) <= TOLERANCE * Math.max(a.median, b.median);
    if (overlap || near) continue;
    apart.push({ name: nameOf(one), before: a.median, after: b.median, unit: one.unit });
  }
  const distance = ({ before, after }: Apart) => Math.abs(Math.log(after / before));
  apart.sort((a, b) => distance(b) - distance(a));
  return { before: before.at, compared, apart };
}

function nameOf({ way, what, peers }: Series): string {
  return `${way}: ${what}${peers === undefined ? "" : `, ${peers}`}`;
}

/** One paragraph of Markdown. */
export function printAgreement({ before, compared, apart }: Agreement): string {
  const moment = `${before.slice(0, 10)} ${before.slice(11, 16)} UTC`;
  const named = apart.slice(0, NAMED).map(({ name, before, after, unit }) =>
    `${name} (${printNumber(before)}, now ${printNumber(after)} ${unit})`
  );
  const others = named.length === 0
    ? ""
    : `, but for ${apart.length > NAMED ? `${apart.length} others, such as ` : ""}${
      named.join("; ")
    }`;
  return `_Beside the run of ${moment}: ${compared - apart.length} of ${compared} medians agree` +
    `${others}._`;
}
