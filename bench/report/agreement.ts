import type { SectionResult, Series } from "./series.ts";
import { printNumber, quantile, summarize } from "./statistics.ts";

/** Medians that differ by no more than this share agree, however narrow their quartiles are. */
const TOLERANCE = 0.1;
/** How many of those that do not agree are named. */
const NAMED = 5;
/** Of fewer times than this it is not said by how much a machine was slower. */
const ENOUGH = 5;

/** How far two runs of a section agree. */
export interface Agreement {
  /** When the earlier run began, as ISO 8601. */
  readonly before: string;
  /** How many medians both runs have. */
  readonly compared: number;
  /** Those that do not agree, the furthest apart first. */
  readonly apart: readonly Apart[];
  /** Where times differ by more than the tolerance on the whole, as a machine that others share makes them. */
  readonly pace?: Pace;
}

/** What is left of the differences if the machine's own is set aside. */
export interface Pace {
  /** The median of how many times as long as before things took. */
  readonly factor: number;
  /** How many medians agree if all times are divided by that. */
  readonly agreeing: number;
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
  const pairs = after.series.flatMap((one) => {
    const known = earlier.get(nameOf(one));
    return known?.unit === one.unit ? [[known, one] as const] : [];
  });
  const apart = pairs.filter(([known, one]) => !agree(known, one)).map(([known, one]): Apart => ({
    name: nameOf(one),
    before: summarize(known.values).median,
    after: summarize(one.values).median,
    unit: one.unit,
  }));
  const distance = ({ before, after }: Apart) => Math.abs(Math.log(after / before));
  apart.sort((a, b) => distance(b) - distance(a));
  const pace = paceOf(pairs);
  return { before: before.at, compared: pairs.length, apart, ...(pace && { pace }) };
}

/** @param factor how many times as long everything took in the later run. */
function agree(known: Series, one: Series, factor = 1): boolean {
  const a = summarize(known.values);
  const b = summarize(one.values.map((value) => value / factor));
  const overlap = a.low <= b.high && b.low <= a.high;
  return overlap || Math.abs(a.median - b.median) <= TOLERANCE * Math.max(a.median, b.median);
}

/** Undefined if times are the same on the whole. */
function paceOf(pairs: readonly (readonly [Series, Series])[]): Pace | undefined {
  const isTime = ({ unit }: Series) => unit === "ms";
  const ratios = pairs.filter(([, one]) => isTime(one)).map(([known, one]) =>
    summarize(one.values).median / summarize(known.values).median
  ).filter((ratio) => Number.isFinite(ratio) && ratio > 0);
  if (ratios.length < ENOUGH) return undefined;
  const factor = quantile(ratios, 0.5);
  if (Math.abs(factor - 1) <= TOLERANCE) return undefined;
  const agreeing = pairs.filter(([known, one]) => agree(known, one, isTime(one) ? factor : 1));
  return { factor, agreeing: agreeing.length };
}

function nameOf({ way, what, peers }: Series): string {
  return `${way}: ${what}${peers === undefined ? "" : `, ${peers}`}`;
}

/** One paragraph of Markdown. */
export function printAgreement({ before, compared, apart, pace }: Agreement): string {
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
    `${others}.${
      pace
        ? ` On the whole times were ${printNumber(pace.factor)} × those of then; that set aside, ` +
          `${pace.agreeing} of ${compared} agree.`
        : ""
    }_`;
}
