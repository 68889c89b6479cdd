import { assertEquals, assertThrows } from "@std/assert";
import { takeCommand } from "../../lib/options/take_command.ts";
import { UserError } from "../../lib/user_error.ts";

const COMMANDS = { down: "Take it away", show: "Show it" };

Deno.test("takeCommand() takes a word at the front, and leaves the flags", () => {
  assertEquals(takeCommand(COMMANDS, ["down", "--a=1"]), { command: "down", args: ["--a=1"] });
  assertEquals(takeCommand(COMMANDS, ["--a=1", "down"]), {
    command: undefined,
    args: ["--a=1", "down"],
  });
  assertEquals(takeCommand(COMMANDS, []), { command: undefined, args: [] });
  assertEquals(takeCommand(undefined, ["down"]), { command: undefined, args: ["down"] });
});

Deno.test("takeCommand() names the command that may have been meant", () => {
  const table: Record<string, string> = {
    dwon: 'unknown command "dwon": did you mean down?',
    completoin: 'unknown command "completoin": did you mean completion?',
    toString: 'unknown command "toString": see --help for those there are',
  };
  for (const [word, message] of Object.entries(table)) {
    assertThrows(() => takeCommand(COMMANDS, [word]), UserError, message);
  }
});
