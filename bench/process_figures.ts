import { childOf, type LabProcess } from "../tests/lab/lab_process.ts";

/** Ticks a second of the times in /proc (USER_HZ). */
const TICKS = 100;

/** What a program in a host occupies and has used. */
export interface ProcessFigures {
  /** Resident memory and the most that it ever was, in MB of 10^6 bytes. */
  readonly residentMb: number;
  readonly peakMb: number;
  /** Time of the processor since it began, in ms. */
  readonly cpuMs: number;
}

/** Reads the figures of a program that {@linkcode LabHost.spawn} has started. */
export async function figuresOf(process: LabProcess): Promise<ProcessFigures> {
  const pid = await childOf(process.pid); // nsenter(1) is its parent
  if (pid === undefined) throw new Error(`${process.command[0]} has ended:\n${process.output}`);
  const [status, stat] = await Promise.all(
    ["status", "stat"].map((name) => Deno.readTextFile(`/proc/${pid}/${name}`)),
  );
  const megabytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status!)?.[1]) * 1024 / 1e6;
  // Behind the name, which stands in parentheses and may hold anything: fields 14 and 15 of proc(5).
  const fields = stat!.slice(stat!.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    residentMb: megabytes("VmRSS"),
    peakMb: megabytes("VmHWM"),
    cpuMs: ticks * 1000 / TICKS,
  };
}
