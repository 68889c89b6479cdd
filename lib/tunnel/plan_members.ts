import { familyOf, type IpFamily } from "../ip/address.ts";
import { type Cidr, cidrParts, hostCidr, type InterfaceAddress } from "../ip/cidr.ts";
import type { Rule } from "../netlink/rules.ts";
import { type Policy, RULE_PRIORITY } from "./plan_policy.ts";
import type { OwnTable } from "./policy_routing.ts";
import { OUR_PROTOCOL } from "./plan_routes.ts";

/** The table in which a hub has the routes to members. */
export const MEMBERS_TABLE = 88;
/** Of its rules: before those of a spoke and the main table's own, behind Cilium's and `local`. */
export const MEMBERS_PRIORITY = RULE_PRIORITY.OUTSIDE - 1;

/** The same for {@linkcode PolicyRouting}. */
export const MEMBERS: OwnTable = {
  number: MEMBERS_TABLE,
  isOurs: ({ protocol, priority }) => protocol === OUR_PROTOCOL && priority === MEMBERS_PRIORITY,
  held: (holder) =>
    `members need table ${MEMBERS_TABLE}, which leads into ${holder}: take that hub's interface away`,
};

/**
 * The routes to members, for packets that come from the tunnel (a spoke's, another member's) and for
 * those that the hub sends as its tunnel address: answers to what members sent to it, which a network
 * that drops foreign sources would not carry. Whatever else the hub sends to members, the tunnel's own
 * packets above all, goes by its plain network.
 *
 * Both kinds look the same in the strict mode of rp_filter, too: what members send comes in by the
 * interface that the answer would leave by.
 *
 * @param name of the tunnel's interface. @param addresses of the hub in the tunnel.
 */
export function membersPolicy(
  prefixes: readonly Cidr[],
  name: string,
  addresses: readonly InterfaceAddress[],
): Policy {
  const families = new Set(prefixes.map((cidr) => cidrParts(cidr).family));
  const rules = [...families].flatMap((family: IpFamily): Rule[] => {
    const base = {
      family,
      priority: MEMBERS_PRIORITY,
      table: MEMBERS_TABLE,
      protocol: OUR_PROTOCOL,
    };
    const own = addresses.filter(({ address }) => familyOf(address) === family);
    return [
      { ...base, iif: name },
      ...own.map(({ address }) => ({ ...base, from: hostCidr(address) })),
    ];
  });
  return { routes: new Set(prefixes), rules };
}
