import { assertEquals } from "@std/assert";
import { StepLog } from "../../tasks/demo/step_log.ts";

/** What a log writes in colour or without. */
function written(colour: boolean, say: (log: StepLog) => void): string {
  let text = "";
  const write = (more: string) => text += more;
  say(new StepLog({ write, now: () => 13_450, begin: 1000, colour }));
  return text;
}

Deno.test("StepLog writes a line a step, with the seconds since the beginning", () => {
  const text = written(false, (log) => {
    log.step("begins");
    log.good("works");
    log.bad("fails");
  });
  assertEquals(text, " 12.4 s  begins\n 12.4 s  works\n 12.4 s  fails\n");
});

Deno.test("StepLog indents a block, and leaves the text of programs as it is", () => {
  assertEquals(written(false, (log) => log.block(["HEAD", "row"])), "\n    HEAD\n    row\n\n");
  assertEquals(written(false, (log) => log.raw("as it is")), "as it is\n");
});

Deno.test("StepLog writes no control character unless it may use colour", () => {
  const all = (log: StepLog) => {
    log.step("a");
    log.good("b");
    log.bad("c");
    log.block(["d"]);
  };
  // deno-lint-ignore no-control-regex -- it is what must not be there
  const control = /\x1b\[\d+m/;
  assertEquals(control.test(written(false, all)), false);
  assertEquals(written(true, (log) => log.good("b")), "\x1b[2m 12.4 s\x1b[0m  \x1b[32mb\x1b[0m\n");
});
