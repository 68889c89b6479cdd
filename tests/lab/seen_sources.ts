import type { LabHost } from "./lab_host.ts";

/** A machine, and the addresses at which others reach it. */
export interface Reached {
  readonly host: LabHost;
  readonly addresses: readonly string[];
}

/** Who asks instead, and where: at an address that leads to one of the machines, `ADDRESS:PORT`. */
export interface Detour {
  readonly from: LabHost;
  readonly at: string;
}

/**
 * Has each machine ask each other at all of its addresses, by UDP.
 *
 * @returns by who asked and where: the address that the other saw, where its answer came from the
 * one that was asked; null without such an answer within 6 s.
 */
export async function seenSources(
  machines: readonly Reached[],
  detour?: Detour,
): Promise<Record<string, Record<string, string | null>>> {
  const program = new URL("source_program.ts", import.meta.url).pathname;
  const args = ["run", "--no-config", "--no-check", "--unstable-net", "-A", program];
  const env = { NO_COLOR: "1" };
  await using servers = new AsyncDisposableStack();
  await Promise.all(machines.map(async ({ host, addresses }) => {
    const server = host.spawn(Deno.execPath(), [...args, "serve", ...addresses], { env });
    await servers.use(server).waitForLine(/^ready$/);
  }));
  const seen: Record<string, Record<string, string | null>> = {};
  for (const host of detour ? [detour.from] : machines.map(({ host }) => host)) {
    const others = detour
      ? [detour.at]
      : machines.filter((other) => other.host !== host).flatMap(({ addresses }) => addresses);
    seen[host.name] = JSON.parse(await host.run([Deno.execPath(), ...args, "ask", ...others]));
  }
  return seen;
}
