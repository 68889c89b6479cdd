import { assertEquals } from "@std/assert";
import { renderStatus } from "../../lib/status/render_status.ts";
import { type Screen, showStatus } from "../../lib/status/show_status.ts";
import { statusJson } from "../../lib/status/status_json.ts";
import type { StatusReport } from "../../lib/status/status_report.ts";
import { AWAY, REPORT } from "./status_reports.ts";

/** Shows reports until there are no more, and returns what was written. */
async function shown(
  reports: readonly StatusReport[],
  options: Partial<Parameters<typeof showStatus>[1]>,
  screen: Partial<Screen> = {},
): Promise<{ text: string; status: number }> {
  const stop = new AbortController();
  const left = [...reports];
  let text = "";
  const status = await showStatus(
    () => {
      const report = left.shift()!;
      if (left.length === 0) stop.abort(); // its pause ends at once
      return Promise.resolve(report);
    },
    { output: "table", watch: false, ...options },
    stop.signal,
    { isTerminal: false, colour: false, write: (part) => void (text += part), ...screen },
  );
  return { text, status };
}

Deno.test("showStatus() ends with 0 if all could be told, else with 1", async () => {
  assertEquals(await shown([REPORT], {}), { text: renderStatus(REPORT), status: 0 });
  assertEquals(await shown([AWAY], {}), { text: renderStatus(AWAY), status: 1 });
  const noApi = { ...REPORT, api: AWAY.api };
  assertEquals((await shown([noApi], { watch: true })).status, 1);
});

Deno.test("showStatus() writes JSON whole, and one value a line while it watches", async () => {
  const once = await shown([REPORT], { output: "json" }, { isTerminal: true, colour: true });
  assertEquals(once.text, `${JSON.stringify(statusJson(REPORT), null, 2)}\n`);
  const { text } = await shown([REPORT], { output: "json", watch: true }, { isTerminal: true });
  assertEquals(text, `${JSON.stringify(statusJson(REPORT))}\n`);
});

Deno.test("showStatus() writes over the last one on a terminal, and nowhere else", async () => {
  const { text } = await shown([REPORT], { watch: true }, { isTerminal: true });
  assertEquals(text.startsWith("\x1b[H\x1b[J\x1b[H"), true);
  assertEquals(text.endsWith("\x1b[K\n\x1b[J"), true);
  const small = { isTerminal: true, size: { columns: 200, rows: 6 } };
  const { text: cropped } = await shown([REPORT], { watch: true }, small);
  assertEquals(cropped.split("\n").length, 6);
  assertEquals((await shown([REPORT], {}, small)).text, renderStatus(REPORT));
  assertEquals((await shown([REPORT], { watch: true })).text, renderStatus(REPORT));
  assertEquals((await shown([REPORT], {}, { isTerminal: true })).text, renderStatus(REPORT));
});

Deno.test("showStatus() ends in order when nobody reads any more", async () => {
  const write = () => {
    throw new Deno.errors.BrokenPipe("gone");
  };
  assertEquals((await shown([REPORT], { watch: true }, { write })).status, 0);
});
