/** Real shells with the completions that the programs print. */
import { assertEquals } from "@std/assert";
import { SHELLS } from "../../lib/options/common_commands.ts";
import { printCompletion } from "../../lib/options/completion/print_completion.ts";
import { HUB } from "../../lib/options/hub_options.ts";
import type { Option, OptionTable } from "../../lib/options/option.ts";
import { SPOKE } from "../../lib/options/spoke_options.ts";
import { BOOLEAN } from "../../lib/options/value_types.ts";
import { run } from "../lab/command.ts";
import { offersOf } from "../lab/completing_shell.ts";

/** The flags of a table that may follow a command, or none. */
function flagsOf(table: OptionTable, command?: string): string[] {
  return Object.values<Option>(table)
    .filter(({ commands }) => !commands || (command !== undefined && commands.includes(command)))
    .flatMap(({ flag, type }) => type === BOOLEAN ? [`--${flag}`, `--no-${flag}`] : [`--${flag}`])
    .concat("--help", "--version").sort();
}

const HUB_LINES: Readonly<Record<string, readonly string[]>> = {
  "hub ": ["completion", "doctor", "down", "status"],
  "hub do": ["doctor", "down"],
  "hub -": flagsOf(HUB.options),
  "hub status -": flagsOf(HUB.options, "status"),
  "hub down --w": [],
  "hub --listen-port 51820 --list": [],
  "hub --listen-port=51820 --list": [],
  "hub --li": ["--listen-port"],
  "hub --adopt --no-ad": [],
  "hub --log-level=": ["debug", "error", "info", "warning"],
  "hub --log-level ": ["debug", "error", "info", "warning"],
  "hub status --log-format=json --output=j": ["json"],
  "hub doctor --out": ["--output"],
  "hub --metrics-address=o": ["off"],
  "hub --listen-port=": [],
  "hub --listen-port ": [],
  "hub --kubeconfig=/etc/host": ["/etc/hostname", "/etc/hosts"],
  "hub --kubeconfig /etc/hostn": ["/etc/hostname"],
  "hub --interface=l": ["lo"],
  "hub completion ": ["bash", "fish", "zsh"],
  "hub completion bash ": [],
  "hub completion --": [],
};
/** Neither Debian's hosts file nor a network has just one of these. */
const MAY_ALSO_BE = ["/etc/host.conf"];

const SPOKE_LINES: Readonly<Record<string, readonly string[]>> = {
  "wg-spoke --": flagsOf(SPOKE.options),
  "wg-spoke doc": ["doctor"],
  "wg-spoke status --wa": ["--watch"],
  "wg-spoke --once --log-level=w": ["warning"],
};

for (const shell of SHELLS) {
  Deno.test(`${shell} offers the hub's commands, flags and values where each may come`, async () => {
    const lines = Object.keys(HUB_LINES);
    const script = printCompletion(HUB, [shell]);
    const offers = await offersOf(shell, { script, program: "hub", lines });
    const found = lines.map((line, at) => [
      line,
      offers[at]!.filter((word) => !MAY_ALSO_BE.includes(word)),
    ]);
    assertEquals(Object.fromEntries(found), HUB_LINES);
  });

  Deno.test(`${shell} completes the spoke by the name that it is installed under`, async () => {
    const lines = Object.keys(SPOKE_LINES);
    const script = printCompletion(SPOKE, [shell]);
    const offers = await offersOf(shell, { script, program: "wg-spoke", lines });
    assertEquals(Object.fromEntries(lines.map((line, at) => [line, offers[at]])), SPOKE_LINES);
  });
}

Deno.test("bash completes a value also where = breaks no word, and shellcheck finds no fault", async () => {
  const script = printCompletion(HUB, ["bash"]);
  const lines = ["hub --log-level=w", "hub --kubeconfig=/etc/hostn"];
  const offers = await offersOf("bash", {
    script: `COMP_WORDBREAKS=\${COMP_WORDBREAKS//=}\n${script}`,
    program: "hub",
    lines,
  });
  assertEquals(offers, [["warning"], ["/etc/hostname"]]);
  for (const program of [HUB, SPOKE]) {
    await run(["shellcheck", "--shell=bash", "-"], { stdin: printCompletion(program, ["bash"]) });
  }
});
