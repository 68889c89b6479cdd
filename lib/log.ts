import { configureSync, getLogger, type Logger, type LogRecord } from "@logtape/logtape";
import { printLogLine } from "./log_line.ts";
import type { LogFormat, LogLevel } from "./options/value_types.ts";

/** How and where to log. */
export interface LogSettings {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** Lines are appended to this file; standard error without it. */
  readonly file?: string;
}

/**
 * The logger of a part of the program, e.g. `logOf("reconcile")`. Call it as
 * `log.info("peer added", { node })`: the text is a constant, what others said goes into the fields.
 */
export function logOf(...part: string[]): Logger {
  return getLogger(["wg-kube", ...part]);
}

/**
 * Sets where all loggers write. May be called again. Before the first call nothing is logged.
 *
 * @param write takes a whole line; default: the file, or standard error.
 */
export function configureLog(
  settings: LogSettings,
  write: (line: string) => void = lineWriter(settings.file),
): void {
  const sink = (record: LogRecord) => write(printLogLine(record, settings.format));
  configureSync({
    reset: true,
    sinks: { lines: sink },
    loggers: [
      { category: ["wg-kube"], lowestLevel: settings.level, sinks: ["lines"] },
      // The library's own troubles.
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["lines"] },
    ],
  });
}

/**
 * Writes lines to a file, or to standard error. The file is opened for each line, so that it may be
 * moved away at any time; what it does not take (the disk is full, say) goes to standard error. Where
 * that fails, too, lines are lost and nothing else: the tunnel is worth more than its log.
 */
function lineWriter(file: string | undefined): (line: string) => void {
  return (line) => {
    if (file !== undefined && writes(() => appendLine(file, line))) return;
    writes(() => writeToStderr(line));
  };
}

function appendLine(file: string, line: string): void {
  Deno.writeTextFileSync(file, line, { append: true, mode: 0o640 });
}

function writeToStderr(line: string): void {
  let rest = new TextEncoder().encode(line);
  while (rest.length > 0) rest = rest.subarray(Deno.stderr.writeSync(rest));
}

function writes(write: () => void): boolean {
  try {
    write();
    return true;
  } catch {
    return false;
  }
}
