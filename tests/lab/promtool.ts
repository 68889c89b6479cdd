import { cached } from "./cache.ts";
import { run, tryRun } from "./command.ts";
import type { CommandOptions, CommandResult } from "./command.ts";
import { unpackPackages } from "./packages.ts";

/** The path of Debian's promtool. Unpacked, never installed: that would start a Prometheus. */
export async function promtoolProgram(): Promise<string> {
  const folder = await cached("promtool", ["prometheus", Deno.build.arch], async (folder) => {
    const unpacked = await Deno.makeTempDir();
    try {
      await unpackPackages(["prometheus"], unpacked);
      await run(["cp", `${unpacked}/usr/bin/promtool`, `${folder}/promtool`]);
    } finally {
      await Deno.remove(unpacked, { recursive: true });
    }
  });
  return `${folder}/promtool`;
}

/** Runs promtool with these arguments. */
export async function promtool(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return await tryRun([await promtoolProgram(), ...args], options);
}
