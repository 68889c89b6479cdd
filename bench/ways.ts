import { ENGINE_FLAGS } from "../tasks/permissions.ts";
import type { RivalPrograms } from "./rivals.ts";

/** A way of configuring an interface, by a program that runs throughout. */
export interface ProgramWay {
  readonly name: string;
  readonly command: readonly string[];
}

/** What the ways are called in tables and plots. */
export const WAY = {
  full: "Go, full replace",
  diff: "Go, read and diff",
  known: "Go, known change",
  gathering: "Go, 32 peers a message",
  single: "Go, as wgctrl divides",
  told: "wg-kube, known change",
  turn: "wg-kube, whole turn",
  hub: "wg-kube, hub",
  wgQuick: "wg-quick down, up",
  syncconf: "wg syncconf",
  setconf: "wg setconf, ip -batch",
  informer: "Go, client-go informer",
  spoke: "wg-kube, spoke",
  runtime: "Deno itself",
  hand: "made by hand",
  bareWatch: "bare watch",
  kubelets: "kubelets",
  control: "control: no change",
} as const;

/** The rivals that use wgctrl. */
export function rivalWays({ fullReplace, increment }: RivalPrograms): ProgramWay[] {
  return [
    { name: WAY.full, command: [fullReplace] },
    { name: WAY.diff, command: [increment, "diff"] },
    { name: WAY.known, command: [increment, "known"] },
  ];
}

/** Our own, driven likewise; the engine is told what a hub's is. */
export function ownWays(): ProgramWay[] {
  const command = (mode: string) => denoCommandWith(ENGINE_FLAGS.hub, "own_way.ts", mode);
  return [
    { name: WAY.told, command: command("told") },
    { name: WAY.turn, command: command("turn") },
  ];
}

/** The command line of a program of `programs/`. */
export function denoCommand(file: string, ...args: readonly string[]): string[] {
  return denoCommandWith([], file, ...args);
}

function denoCommandWith(
  flags: readonly string[],
  file: string,
  ...args: readonly string[]
): string[] {
  const program = new URL(`programs/${file}`, import.meta.url).pathname;
  const config = new URL("../deno.json", import.meta.url).pathname;
  const options = [`--config=${config}`, "--no-check", "--cached-only", "--unstable-net", "-A"];
  return [Deno.execPath(), "run", "--quiet", ...flags, ...options, program, ...args];
}
