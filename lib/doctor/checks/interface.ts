import type { InterfaceAddress } from "../../ip/cidr.ts";
import type { Link } from "../../netlink/links.ts";
import { OUR_ALIAS } from "../../tunnel/plan_interface.ts";
import { failed, type Finding, ok, warning } from "../finding.ts";

/** The tunnel's interface, and what it should be. */
export interface InterfaceFacts {
  readonly program: "hub" | "spoke";
  readonly name: string;
  /** Undefined if there is none of that name. */
  readonly link: Link | undefined;
  readonly isWireGuard: boolean;
  readonly hasKey: boolean;
  /** Those that it bears. */
  readonly addresses: readonly InterfaceAddress[];
  /** Those of `--address`; a member has none. */
  readonly wanted: readonly InterfaceAddress[];
}

/** The interface must be there, WireGuard's, ours, up, and bear its addresses. */
export function checkInterface(facts: InterfaceFacts): Finding {
  const { program, name, link, isWireGuard, hasKey, addresses, wanted } = facts;
  const start = `start the ${program}; its log says what hinders it`;
  if (!link) return failed(`there is no ${name}`, start);
  if (!isWireGuard) {
    return failed(
      `${name} is no WireGuard interface but ${link.kind ?? "a device of the machine"}`,
      `choose another name by --interface, or take it away: ip link delete ${name}`,
    );
  }
  if (!link.up) {
    return failed(`${name} is switched off`, `${start}; by hand: ip link set ${name} up`);
  }
  if (!hasKey) return failed(`${name} has no private key`, start);
  if (addresses.length === 0 && wanted.length > 0) return failed(`${name} has no address`, start);
  const has = addresses.map(printed).join(" ") || "no address, as a member's";
  const missing = wanted.filter((one) => !addresses.some(({ address }) => address === one.address));
  if (missing.length > 0) {
    return warning(
      `${name} has ${has}, and not ${missing.map(printed).join(" ")} of --address`,
      `give the doctor the --address (WG_ADDRESS) of the ${program}; if that is right, ${start}`,
    );
  }
  if (link.alias !== OUR_ALIAS) {
    return warning(
      `${name} was made by another program, which may change it`,
      `end what made it, then start the ${program} with --adopt, or choose another --interface`,
    );
  }
  return ok(`${name} is up with ${has}`);
}

function printed({ address, prefixLength }: InterfaceAddress): string {
  return `${address}/${prefixLength}`;
}
