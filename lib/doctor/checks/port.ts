import { failed, type Finding, ok, skipped, warning } from "../finding.ts";

/** Who has the UDP port. */
export interface PortFacts {
  readonly name: string;
  /** That of `--listen-port`. */
  readonly wanted: number;
  /** That of the interface, while it is up; undefined otherwise. */
  readonly own: number | undefined;
  /** Whether a socket of another program has the wanted one; undefined if nobody could ask. */
  readonly taken: boolean | undefined;
}

/** The UDP port must be the interface's, or free. */
export function checkPort({ name, wanted, own, taken }: PortFacts): Finding {
  if (own === wanted) return ok(`${name} has UDP port ${wanted}`);
  if (taken === undefined) {
    return skipped(`whether UDP port ${wanted} is free could not be found out`);
  }
  if (taken) {
    return failed(
      `UDP port ${wanted} is taken by another program`,
      `find it: ss -ulpn 'sport = :${wanted}'; end it, or choose another --listen-port`,
    );
  }
  if (own === undefined) return ok(`UDP port ${wanted} is free`);
  return warning(
    `${name} has UDP port ${own}, not ${wanted} of --listen-port`,
    "give the doctor the same --listen-port (WG_LISTEN_PORT) as the program",
  );
}
