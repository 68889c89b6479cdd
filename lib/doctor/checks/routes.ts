import type { Cidr } from "../../ip/cidr.ts";
import { cidrContains, cidrParts } from "../../ip/cidr.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import { nameSome } from "../name_some.ts";

/** A prefix of a peer, and the device that packets to it leave by; undefined if there is none. */
export interface RoutedPrefix {
  readonly prefix: Cidr;
  readonly device: string | undefined;
}

/** Where the peers' prefixes lead to. */
export interface RouteFacts {
  readonly name: string;
  /** Whether the interface is there and switched on. */
  readonly isUp: boolean;
  readonly prefixes: readonly RoutedPrefix[];
  /** Routes of other devices, those to this machine's own pods and default routes left out. */
  readonly others: readonly Cidr[];
}

/** What peers have must lead into the tunnel. */
export function checkRoutes({ name, isUp, prefixes, others }: RouteFacts): Finding {
  if (!isUp) return skipped(`${name} is not up`);
  const astray = prefixes.filter(({ device }) => device !== name);
  if (astray.length > 0) {
    const [{ prefix }] = astray as [RoutedPrefix];
    const { address } = cidrParts(prefix);
    return failed(
      nameSome(
        astray.map(({ prefix, device }) =>
          device === undefined ? `${prefix} has no route` : `${prefix} leaves by ${device}`
        ),
      ) + `, not by ${name}`,
      `see ip route get ${address}; take away the route of the other device, or have the peer claim ` +
        "other prefixes",
    );
  }
  const inside = prefixes.flatMap(({ prefix }) => {
    if (cidrParts(prefix).prefixLength === 0) return []; // the machine's own networks are to stay
    const longer = others.filter((route) => route !== prefix && cidrContains(prefix, route));
    return longer.map((route) => `${route} of ${prefix}`);
  });
  if (inside.length > 0) {
    return warning(
      `${nameSome(inside)} stays outside the tunnel, for another device has a longer route`,
      "well if that is a network of this machine; else take that route away: ip route show",
    );
  }
  const { length } = prefixes;
  if (length === 0) return ok("no peer has a prefix");
  return ok(`${length === 1 ? "1 prefix leads" : `${length} prefixes lead`} into ${name}`);
}
