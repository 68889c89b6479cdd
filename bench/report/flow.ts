import type { Flow } from "../../tests/lab/traffic.ts";

/** What a stretch of time did to a flow. */
export interface FlowWindow {
  readonly sent: number;
  readonly lost: number;
  /** The longest time without an arrival that begins in the stretch, in ms. */
  readonly longestGapMs: number;
}

/** What happened to the datagrams that left between two moments. */
export function flowWindow(
  { sent, arrived }: Pick<Flow, "sent" | "arrived">,
  from: number,
  to: number,
): FlowWindow {
  let count = 0;
  let lost = 0;
  sent.forEach((at, number) => {
    if (at < from || at > to) return;
    count++;
    if ((arrived[number] ?? null) === null) lost++;
  });
  const arrivals = arrived.filter((at) => at !== null).sort((a, b) => a - b);
  let longestGapMs = 0;
  let last = from;
  for (const at of arrivals) {
    if (at >= from && last <= to) longestGapMs = Math.max(longestGapMs, at - Math.max(last, from));
    last = Math.max(last, at);
  }
  if (last < to) longestGapMs = Math.max(longestGapMs, to - last);
  return { sent: count, lost, longestGapMs };
}
