// deno-lint-ignore no-control-regex -- what render_status.ts colours with
const COLOUR = /\x1b\[\d*m/g;

/** Of a terminal, in characters. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/**
 * As much of a text as a terminal holds, so that it can be written over in place: what does not fit
 * is left out above the last line, and counted. A longer one would scroll away its own beginning.
 *
 * @param text lines, each with its line feed; escape sequences of colours take no room.
 */
export function fitScreen(text: string, { columns, rows }: ScreenSize): string {
  const lines = text.split("\n").slice(0, -1);
  const last = lines.at(-1);
  const heightOf = (line: string) =>
    Math.max(1, Math.ceil(line.replaceAll(COLOUR, "").length / Math.max(1, columns)));
  const heights = lines.map(heightOf);
  const room = rows - 1; // the cursor stands in the last row
  if (last === undefined || heights.reduce((sum, one) => sum + one, 0) <= room) return text;
  let left = room - heightOf(last) - 1;
  const shown = lines.slice(0, -1).findIndex((_, at) => (left -= heights[at]!) < 0);
  const more = `… ${lines.length - 1 - shown} lines more, which status shows without --watch`;
  return [...lines.slice(0, shown), more, last].map((line) => `${line}\n`).join("");
}
