import type { OutputFormat } from "../options/value_types.ts";
import { type Screen, STDOUT } from "../status/show_status.ts";
import { countOf, type Diagnosis } from "./diagnosis.ts";
import { diagnosisJson, renderDiagnosis } from "./render_diagnosis.ts";

/** Prints a diagnosis. @returns the exit status: 1 if a check has failed, else 0. */
export function showDiagnosis(
  diagnosis: Diagnosis,
  output: OutputFormat,
  screen: Pick<Screen, "colour" | "write"> = STDOUT,
): number {
  try {
    screen.write(
      output === "table"
        ? renderDiagnosis(diagnosis, screen.colour)
        : `${JSON.stringify(diagnosisJson(diagnosis), null, 2)}\n`,
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error; // as of `doctor | head -1`
  }
  return countOf(diagnosis, "failed") > 0 ? 1 : 0;
}
