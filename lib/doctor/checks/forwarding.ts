import type { IpFamily } from "../../ip/address.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";

/** Whether packets are handed on that come in by the tunnel. */
export interface ForwardingFacts {
  readonly program: "hub" | "spoke";
  readonly name: string;
  /** Families that the tunnel carries. */
  readonly families: readonly IpFamily[];
  /** By family; undefined where it could not be read. */
  readonly forwards: Readonly<Record<IpFamily, boolean | undefined>>;
}

const SWITCH: Readonly<Record<IpFamily, string>> = {
  4: "net.ipv4.ip_forward",
  6: "net.ipv6.conf.all.forwarding",
};

/** A hub hands packets on between spokes and pods; a spoke, to its own pods. */
export function checkForwarding({ program, name, families, forwards }: ForwardingFacts): Finding {
  const off = families.filter((family) => forwards[family] === false);
  if (off.length > 0) {
    const found = `off for ${off.map((family) => `IPv${family}`).join(" and ")}`;
    const remedy = `sysctl -w ${off.map((family) => `${SWITCH[family]}=1`).join(" ")}` +
      "; to keep it, write it into a file of /etc/sysctl.d";
    return program === "hub"
      ? failed(`${found}: spokes reach this machine, but neither each other nor any pod`, remedy)
      : warning(`${found}: pods of this machine are not reached by the tunnel`, remedy);
  }
  const unknown = families.filter((family) => forwards[family] === undefined);
  if (unknown.length > 0) return skipped(`the settings of ${name} could not be read`);
  return ok(`on for ${families.map((family) => `IPv${family}`).join(" and ")}`);
}
