import { assertEquals } from "@std/assert";
import { Diary } from "../../lib/diary.ts";

const HOUR = 3_600_000;

Deno.test("Diary keeps what was of the last hour, the newest first", () => {
  const state = { now: 0 };
  const diary = new Diary(() => state.now);
  diary.write("info", "peer added", { node: "edge-2", peer: undefined, routes: 3 });
  state.now = 1000;
  diary.write("warning", "refused", {});
  assertEquals(diary.read(), {
    dropped: 0,
    entries: [
      { at: 1000, level: "warning", text: "refused", fields: [] },
      { at: 0, level: "info", text: "peer added", fields: [["node", "edge-2"], ["routes", "3"]] },
    ],
  });
  state.now = HOUR + 1;
  assertEquals(diary.read().entries.map(({ text }) => text), ["refused"]);
});

Deno.test("Diary has an end, whatever happens, and says that there was more until that is old, too", () => {
  const state = { now: 0 };
  const diary = new Diary(() => state.now);
  const long = "x".repeat(100_000);
  for (let at = 0; at < 10_000; at++) {
    diary.write(
      "info",
      `${at}`,
      Object.fromEntries(Array.from({ length: 50 }, (_, i) => [i, long])),
    );
  }
  const { entries, dropped } = diary.read();
  assertEquals([entries.length, entries[0]!.text, dropped > 0], [200, "9999", true]);
  const size = JSON.stringify(entries).length;
  assertEquals(size < 500_000, true, `${size}`);
  state.now = HOUR + 1;
  assertEquals(diary.read(), { entries: [], dropped: 0 });
});
