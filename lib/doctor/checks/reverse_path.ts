import { type Finding, ok, skipped, warning } from "../finding.ts";

/** The sysctl rp_filter: 0 off, 1 strict, 2 loose (ip-sysctl). */
export interface ReversePathFacts {
  readonly name: string;
  readonly all: number | undefined;
  /** That of the interface; undefined without one. */
  readonly own: number | undefined;
}

const STRICT = 1;

/**
 * In strict mode the kernel drops what comes in by another interface than the answer would leave by,
 * as packets of pods do with most network plugins. It takes the larger of the two numbers.
 */
export function checkReversePath({ name, all, own }: ReversePathFacts): Finding {
  if (all === undefined || own === undefined) {
    return skipped(`the settings of ${name} could not be read`);
  }
  const numbers = `all ${all}, ${name} ${own}`;
  if (Math.max(all, own) !== STRICT) return ok(`not strict (${numbers})`);
  return warning(
    `strict (${numbers}): packets whose answers take another way are dropped without a word`,
    `sysctl -w net.ipv4.conf.${
      name.replaceAll(".", "/")
    }.rp_filter=2; to keep it, write it into a file of /etc/sysctl.d`,
  );
}
