import { assert, assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import type { Link } from "../../lib/netlink/links.ts";
import type { Route } from "../../lib/netlink/routes.ts";
import type { Rule } from "../../lib/netlink/rules.ts";
import { policyFor, policyOf } from "../../lib/tunnel/plan_policy.ts";
import { type PolicyNetwork, PolicyRouting } from "../../lib/tunnel/policy_routing.ts";
import { cidrs } from "./claims.ts";

const [WG0, WG1] = [7, 8] as const;
const link = (index: number, name: string): Link => ({ index, name, up: true, mtu: 1420 });

/** A kernel that has routes and rules, and nothing else. */
function kernel() {
  let routes: Route[] = [];
  let rules: Rule[] = [];
  const same = (a: unknown) => (b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const network: PolicyNetwork = {
    links: () => [link(WG0, "wg0"), link(WG1, "wg1")],
    routes: ({ table, protocol } = {}) =>
      routes.filter((route) => route.table === table && route.protocol === protocol),
    addRoutes: (added) => {
      routes.push(...added);
      return [];
    },
    removeRoutes: (removed) => {
      routes = routes.filter((route) => !removed.some(same(route)));
      return [];
    },
    rules: () => [...rules],
    addRule: (rule) => void rules.push(rule),
    removeRule: (rule) => {
      rules = rules.filter((one) => !same(rule)(one));
    },
  };
  /** As the kernel does when an interface goes. */
  const lose = (index: number) => {
    routes = routes.filter(({ interfaceIndex }) => interfaceIndex !== index);
  };
  return { network, lose, rules: () => rules.length, routes: () => routes };
}

const policy = (allowedIPs: string) =>
  policyOf(policyFor(
    [{
      endpoint: { host: "203.0.113.1" as IpAddress, port: 51820 },
      allowedIPs: cidrs(allowedIPs),
    }],
    { apiServers: [], resolvers: [] },
    false,
  ));
const EVERYTHING = policy("0.0.0.0/0");
const NOTHING = policy("100.96.0.0/12");

Deno.test("table and rules are made as wanted, left as they are, and taken away", () => {
  const { network, rules, routes } = kernel();
  const routing = new PolicyRouting(network);
  assert(routing.reconcile(EVERYTHING, WG0, true).changed);
  assertEquals([rules(), routes().map(({ destination }) => destination)], [
    3,
    ["0.0.0.0/0" as Cidr],
  ]);
  for (const readBack of [true, false]) {
    assertEquals(routing.reconcile(EVERYTHING, WG0, readBack), { refused: [] });
  }
  assertEquals(routing.stands, true);
  routing.reconcile(NOTHING, WG0, true);
  assertEquals([rules(), routes().length, routing.stands], [0, 0, false]);
});

Deno.test("a second spoke of a machine leaves the first its table and rules, and says so if it needs them", () => {
  const { network, rules, routes } = kernel();
  new PolicyRouting(network).reconcile(EVERYTHING, WG0, true);
  const before = [rules(), ...routes()];
  const second = new PolicyRouting(network);
  assertEquals(second.reconcile(NOTHING, WG1, true), { refused: [] });
  const { refused, changed } = second.reconcile(EVERYTHING, WG1, false);
  assertEquals([refused.length, changed, second.stands], [1, undefined, false]);
  assert(refused[0]!.includes("leads into wg0"), refused[0]);
  assertEquals(second.removeRules(WG1), 0);
  assertEquals([rules(), ...routes()], before);
});

Deno.test("the rules of an interface go with it, also when it has gone before", () => {
  for (const isThere of [true, false]) {
    const { network, lose, rules } = kernel();
    new PolicyRouting(network).reconcile(EVERYTHING, WG0, true);
    if (!isThere) lose(WG0);
    assertEquals(new PolicyRouting(network).removeRules(isThere ? WG0 : undefined), 3);
    assertEquals(rules(), 0);
  }
});

Deno.test("the rules of an interface that is made again are found again", () => {
  const { network, lose, rules, routes } = kernel();
  const routing = new PolicyRouting(network);
  routing.reconcile(EVERYTHING, WG0, true);
  lose(WG0);
  routing.reconcile(EVERYTHING, WG1, true);
  assertEquals([rules(), routes().map(({ interfaceIndex }) => interfaceIndex)], [3, [WG1]]);
});
