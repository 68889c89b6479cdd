import { textTable } from "../status/text_table.ts";
import { VERSION } from "../version.ts";
import { countOf, type Diagnosis } from "./diagnosis.ts";
import type { Outcome } from "./finding.ts";

/** SGR parameters of ECMA-48: the colours that every terminal has. */
const COLOURS: Readonly<Record<Outcome, string>> = {
  ok: "32",
  warning: "33",
  failed: "31",
  skipped: "2",
};
const BOLD = "1";

/**
 * A diagnosis for people: a line for each check, and below it what to do.
 *
 * @param colour whether the text may hold escape sequences.
 * @returns lines, each with its line feed.
 */
export function renderDiagnosis(diagnosis: Diagnosis, colour = false): string {
  const { program, node, checks } = diagnosis;
  const paint = (text: string, sgr: string) => colour ? `\x1b[${sgr}m${text}\x1b[0m` : text;
  const rows = checks.map(({ outcome, name, found }) => [outcome, name, printable(found)]);
  const lines = textTable(rows, (cell, row, column) => {
    if (column === 0) return paint(cell, COLOURS[checks[row]!.outcome]);
    return column === 1 ? paint(cell, BOLD) : cell;
  });
  const widest = (texts: readonly string[]) => Math.max(0, ...texts.map(({ length }) => length));
  const indent = " ".repeat(
    widest(checks.map(({ outcome }) => outcome)) + widest(checks.map(({ name }) => name)) + 4,
  );
  const told = lines.flatMap((line, row) => {
    const { remedy } = checks[row]!;
    return remedy === undefined ? [line] : [line, `${indent}→ ${printable(remedy)}`];
  });
  const outcomes = ["ok", "warning", "failed", "skipped"] as const;
  const counts = outcomes.map((outcome) => `${countOf(diagnosis, outcome)} ${outcome}`).join(", ");
  return [`${paint(program, BOLD)} ${node}, version ${VERSION}`, "", ...told, "", counts]
    .map((line) => `${line}\n`).join("");
}

/** Strangers' words are among them: nothing of theirs may move the cursor. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, "?");
}

/** A diagnosis for programs: a JSON value. The time is ISO 8601; what has no remedy has null. */
export function diagnosisJson(diagnosis: Diagnosis): unknown {
  return {
    ...diagnosis,
    time: new Date(diagnosis.time).toISOString(),
    version: VERSION,
    checks: diagnosis.checks.map(({ name, outcome, found, remedy }) => ({
      name,
      outcome,
      found,
      remedy: remedy ?? null,
    })),
  };
}
