import { printEndpoint } from "../ip/endpoint.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { Standing } from "./status_report.ts";

/** How long the program may take, in ms: it answers from memory. */
const LIMIT = 2_000;
/** A reason is cut after so many characters: who listens there may be anybody. */
const LONGEST = 200;

/** Asks the hub that runs on this machine, if one does, what it waits for. */
export async function askReadiness(
  address: ListenAddress,
  signal: AbortSignal,
): Promise<Standing> {
  if (address === "off") {
    return { state: "unknown", reasons: ["its health endpoint is off (--health-address)"] };
  }
  const { hostname: host, port } = address;
  const at = printEndpoint({ host, port });
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT)]);
    const answer = await fetch(`http://${at}/readyz`, { signal: limit });
    return readinessOf(answer.status, await answer.text());
  } catch (error) {
    signal.throwIfAborted();
    const late = error instanceof DOMException && error.name === "TimeoutError";
    return late
      ? { state: "unknown", reasons: [`no answer at ${at} for ${LIMIT / 1000} s`] }
      : { state: "not running", reasons: [`nobody answers at ${at} (--health-address)`] };
  }
}

/** What an answer of `/readyz` says. */
export function readinessOf(status: number, text: string): Standing {
  if (status === 200) return { state: "ready", reasons: [] };
  if (status !== 503) return { state: "unknown", reasons: [`its /readyz answers ${status}`] };
  const reasons = [...text.matchAll(/^\[-\]\S+?: (.+)$/gm)]
    .map(([, reason]) => reason!.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, LONGEST));
  return { state: "not ready", reasons };
}
