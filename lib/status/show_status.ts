import { sleep } from "../backoff.ts";
import type { OutputFormat } from "../options/value_types.ts";
import { fitScreen, type ScreenSize } from "./fit_screen.ts";
import { renderStatus } from "./render_status.ts";
import { statusJson } from "./status_json.ts";
import { isComplete, type StatusReport } from "./status_report.ts";

/** How a status is shown. */
export interface ShowOptions {
  readonly output: OutputFormat;
  readonly watch: boolean;
}

/** Where it is shown. */
export interface Screen {
  /** Whether people look at it as it comes, so that what stands there can be written over. */
  readonly isTerminal: boolean;
  /** Whether it takes colours. */
  readonly colour: boolean;
  /** Of a terminal, as it is now: somebody may change it. Undefined if it does not tell. */
  readonly size?: ScreenSize | undefined;
  /** @throws {Deno.errors.BrokenPipe} if nobody reads it any more. */
  write(text: string): void;
}

/** Between two looks of `--watch`, in ms. */
const EVERY = 2_000;

// Control sequences of ECMA-48: to the first place, and away with what stands behind the cursor.
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/**
 * Prints a status, with `watch` again and again until the signal: in place on a terminal, else one
 * below the other; JSON is one value a line then.
 *
 * @returns the exit status: 0 if all of the last one could be told, 1 if not.
 */
export async function showStatus(
  gather: () => Promise<StatusReport>,
  { output, watch }: ShowOptions,
  signal: AbortSignal,
  screen: Screen = STDOUT,
): Promise<number> {
  const inPlace = watch && output === "table" && screen.isTerminal;
  if (inPlace) screen.write(HOME + CLEAR_BELOW);
  for (;;) {
    const report = await gather();
    const status = isComplete(report) ? 0 : 1;
    try {
      screen.write(inPlace ? overwriting(printed(report), screen.size) : printed(report));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return status; // as of `status --watch | head`
      throw error;
    }
    if (!watch) return status;
    await sleep(EVERY, signal);
    if (signal.aborted) return status;
    if (output === "table" && !inPlace) screen.write("\n");
  }

  function printed(report: StatusReport): string {
    if (output === "table") return renderStatus(report, screen.colour);
    return `${JSON.stringify(statusJson(report), null, watch ? 0 : 2)}\n`;
  }
}

function overwriting(text: string, size: ScreenSize | undefined): string {
  const fitted = size ? fitScreen(text, size) : text;
  return HOME + fitted.replaceAll("\n", `${CLEAR_LINE}\n`) + CLEAR_BELOW;
}

/** The standard output. */
export const STDOUT: Screen = {
  get isTerminal() {
    return Deno.stdout.isTerminal();
  },
  get colour() {
    return Deno.stdout.isTerminal() && !Deno.noColor;
  },
  get size() {
    try {
      const { columns, rows } = Deno.consoleSize();
      return columns > 0 && rows > 0 ? { columns, rows } : undefined; // 0 of some serial lines
    } catch {
      return undefined;
    }
  },
  write: (text) => {
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
  },
};
