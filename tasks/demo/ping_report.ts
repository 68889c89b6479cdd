/** What a ping that was stopped has seen. */
export interface PingReport {
  /** Requests that had time to be answered. */
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  /** The longest time between two answered requests, in periods: 1 if none was lost. */
  readonly longestGap: number;
}

/**
 * Reads what ping(8) of iputils prints with `-n` and without `-q`. The very last request counts only
 * if it was answered: it left just before ping was stopped.
 *
 * @throws {Error} if the text has no summary, which ping prints at its end.
 */
export function pingReport(output: string): PingReport {
  const transmitted = /^(\d+) packets transmitted/m.exec(output)?.[1];
  if (transmitted === undefined) throw new Error(`ping did not come to its end:\n${output}`);
  const answers = output.matchAll(/^\d+ bytes from \S+ icmp_seq=(\d+)/gm);
  const numbers = [...new Set([...answers].map(([, number]) => Number(number)))]
    .sort((a, b) => a - b);
  const last = numbers.at(-1) ?? 0;
  const sent = Number(transmitted) - last === 1 ? last : Number(transmitted);
  const gaps = [...numbers, sent + 1].map((number, index) => number - (numbers[index - 1] ?? 0));
  return {
    sent,
    answered: numbers.length,
    lost: sent - numbers.length,
    longestGap: Math.max(...gaps),
  };
}
