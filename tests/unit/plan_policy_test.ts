import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { NOBODYS_NETWORKS } from "../../lib/contract/nobodys_networks.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { type Cidr, cidrContains, cidrParts, hostCidr, parseCidr } from "../../lib/ip/cidr.ts";
import type { Rule } from "../../lib/netlink/rules.ts";
import {
  isOurRule,
  planPolicy,
  type Policy,
  policyFor,
  policyOf,
} from "../../lib/tunnel/plan_policy.ts";
import * as arbitrary from "./arbitraries.ts";

const cidrs = (text: string) => text.split(" ").filter(Boolean).map((one) => parseCidr(one)!);
const HUB = { host: "203.0.113.1" as IpAddress, port: 51820 };
const API = { address: "203.0.113.100" as IpAddress, port: 6443 };
const NOTHING: Policy = { routes: new Set(), rules: [] };

const peer = (allowedIPs: string) => ({ endpoint: HUB, allowedIPs: cidrs(allowedIPs) });
const policy = (allowedIPs: string, strict = false, resolvers: readonly IpAddress[] = []) =>
  policyFor([peer(allowedIPs)], { apiServers: [API], resolvers }, strict);

/** A rule as ip-rule(8) prints it. */
function print(rule: Rule): string {
  const { family, priority, to, table, mark, inverted, ipProtocol, destinationPort } = rule;
  const { suppressPrefixLength: suppress, protocol } = rule;
  const words = [
    `${priority}:`,
    ...(inverted ? ["not"] : []),
    ...(family === 6 ? ["inet6"] : []),
    ...(to ? ["to", to] : []),
    ...(mark === undefined ? [] : [`fwmark 0x${mark.toString(16)}`]),
    ...(ipProtocol === undefined ? [] : [`ipproto ${ipProtocol} dport ${destinationPort}`]),
    `lookup ${table}`,
    ...(suppress === undefined ? [] : [`suppress_prefixlength ${suppress}`]),
  ];
  assertEquals(protocol, 87);
  return words.join(" ");
}

Deno.test("prefixes that hold neither the hub nor the API server need no rules", () => {
  const none = policy("100.96.0.0/12 172.16.0.0/16");
  assertEquals(none, { prefixes: [], exceptions: [] });
  assertEquals(policyOf(none), NOTHING);
});

Deno.test("everything through the tunnel: the tunnel, the API server and link-local stay outside", () => {
  const { routes, rules } = policyOf(policy("0.0.0.0/0 100.96.0.0/12"));
  assertEquals([...routes], cidrs("0.0.0.0/0"), "the rest are plain routes");
  assertEquals(rules.map(print), [
    "32763: to 169.254.0.0/16 lookup 254",
    "32763: to 203.0.113.100/32 ipproto 6 dport 6443 lookup 254",
    "32764: lookup 254 suppress_prefixlength 0",
    "32765: not fwmark 0x10 lookup 87",
  ]);
});

Deno.test("a prefix that holds the API server alone leads there by rules, too", () => {
  const { routes, rules } = policyOf(policy("203.0.113.64/26 ::/0"));
  assertEquals([...routes], cidrs("203.0.113.64/26"), "nothing of IPv6 is outside");
  assertEquals(rules.map(print), [
    "32763: to 203.0.113.100/32 ipproto 6 dport 6443 lookup 254",
    "32764: lookup 254 suppress_prefixlength 25",
    "32765: not fwmark 0x10 lookup 87",
  ]);
});

Deno.test("IPv6 has rules of its own", () => {
  const endpoint = { host: "2001:db8::1" as IpAddress, port: 51820 };
  const { rules } = policyOf(policyFor(
    [{ endpoint, allowedIPs: cidrs("::/0") }],
    { apiServers: [API], resolvers: [] },
    false,
  ));
  assertEquals(rules.map(print), [
    "32764: inet6 lookup 254 suppress_prefixlength 0",
    "32765: not inet6 fwmark 0x10 lookup 87",
  ]);
});

Deno.test("where rp_filter is strict, whole addresses are excepted: it sees no port of the answer", () => {
  assertEquals(
    policyOf(policy("0.0.0.0/0", true)).rules.map(print).slice(0, 3),
    [
      "32763: to 169.254.0.0/16 lookup 254",
      "32763: to 203.0.113.1/32 lookup 254",
      "32763: to 203.0.113.100/32 lookup 254",
    ],
  );
});

const RESOLVER = "192.0.2.53" as IpAddress;

Deno.test("name servers that must be asked stay outside, by both protocols", () => {
  const { rules } = policyOf(policy("0.0.0.0/0", false, [RESOLVER]));
  assertEquals(rules.map(print).slice(1, 4), [
    "32763: to 203.0.113.100/32 ipproto 6 dport 6443 lookup 254",
    "32763: to 192.0.2.53/32 ipproto 17 dport 53 lookup 254",
    "32763: to 192.0.2.53/32 ipproto 6 dport 53 lookup 254",
  ]);
  const strict = policyOf(policy("0.0.0.0/0", true, [RESOLVER])).rules.map(print);
  assert(strict.includes("32763: to 192.0.2.53/32 lookup 254"), strict.join("\n"));
});

Deno.test("a prefix that holds a name server alone leads there by rules, too", () => {
  const { routes, rules } = policyOf(policy("192.0.2.0/24 100.96.0.0/12", false, [RESOLVER]));
  assertEquals([...routes], cidrs("192.0.2.0/24"));
  assertEquals(rules.length, 4);
});

Deno.test("a name server that alone is asked for is behind the hub, and one of this machine needs nothing", () => {
  const behind = policy("0.0.0.0/0 192.0.2.53/32", false, [RESOLVER]);
  assertEquals(behind, policy("0.0.0.0/0 192.0.2.53/32"));
  const stub = ["127.0.0.53", "::1"] as IpAddress[];
  assertEquals(policy("0.0.0.0/0 ::/0", false, stub), policy("0.0.0.0/0 ::/0"));
});

Deno.test("who asks for a part of link-local gets it", () => {
  const { exceptions } = policy("0.0.0.0/0 169.254.7.0/24");
  assertEquals(exceptions.map(({ to }) => to), ["203.0.113.100/32" as Cidr]);
});

Deno.test("only rules that bear our number at our places are ours", () => {
  const [rule] = policyOf(policy("0.0.0.0/0")).rules;
  assert(isOurRule(rule!));
  assert(!isOurRule({ ...rule!, protocol: 0 }));
  assert(!isOurRule({ ...rule!, priority: 100 }), "a hub's for its members, say");
});

Deno.test("planPolicy() turns what is there into what is wanted, exceptions first", () => {
  const everything = policyOf(policy("0.0.0.0/0"));
  const first = planPolicy(everything, NOTHING);
  assertEquals(first.addRules.map(({ priority }) => priority), [32763, 32763, 32764, 32765]);
  assertEquals(first.addRoutes, cidrs("0.0.0.0/0"));
  assertEquals([first.removeRules, first.removeRoutes], [[], []]);
  const last = planPolicy(NOTHING, everything);
  assertEquals(last.removeRules.map(({ priority }) => priority), [32765, 32764, 32763, 32763]);
  const same = { ...everything, rules: everything.rules.toReversed().map(shuffled) };
  assertEquals(planPolicy(everything, same), {
    addRoutes: [],
    addRules: [],
    removeRules: [],
    removeRoutes: [],
  });
});

/** The same rule with its fields in another order, as the kernel's answer may have them. */
function shuffled(rule: Rule): Rule {
  return Object.fromEntries(Object.entries(rule).toReversed()) as unknown as Rule;
}

interface Packet {
  readonly to: IpAddress;
  readonly mark?: number;
  readonly protocol?: number;
  readonly port?: number;
}

/** Such an address is no name server of the network: this machine's own, or on its link. */
const isNobodys = (address: IpAddress) =>
  NOBODYS_NETWORKS.some((network) => cidrContains(network, hostCidr(address)));

/** Where the kernel sends a packet: the prefix that led into the tunnel, or one of the machine's. */
function routed(
  packet: Packet,
  { routes, rules }: Policy,
  main: { tunnel: readonly Cidr[]; machine: readonly Cidr[] },
): { into: "tunnel" | "machine"; by: Cidr } | undefined {
  const host = hostCidr(packet.to);
  const { family } = cidrParts(host);
  const tables = new Map([
    [87, [...routes].map((by) => ({ into: "tunnel" as const, by }))],
    [254, [
      ...main.machine.map((by) => ({ into: "machine" as const, by })),
      ...main.tunnel.map((by) => ({ into: "tunnel" as const, by })),
    ]],
  ]);
  const all = [...rules, { family, priority: 32766, table: 254, protocol: 2 } satisfies Rule];
  for (const rule of all.sort((a, b) => a.priority - b.priority)) {
    const matches = rule.family === family && (!rule.to || cidrContains(rule.to, host)) &&
      (rule.destinationPort === undefined || rule.destinationPort === packet.port) &&
      (rule.ipProtocol === undefined || rule.ipProtocol === packet.protocol) &&
      (rule.mark === undefined || (rule.mark === packet.mark) !== (rule.inverted ?? false));
    if (!matches) continue;
    const length = ({ by }: { by: Cidr }) => cidrParts(by).prefixLength;
    const [found] = tables.get(rule.table)!.filter(({ by }) => cidrContains(by, host))
      .sort((a, b) => length(b) - length(a));
    if (found && length(found) > (rule.suppressPrefixLength ?? -1)) return found;
  }
}

Deno.test("whatever is asked for: the tunnel, the API and name servers are outside, the machine's routes stay", () => {
  const host = fc.oneof(arbitrary.address, fc.constant("10.0.0.5" as IpAddress));
  const list = fc.array(fc.oneof(arbitrary.cidr, arbitrary.closeCidr), { maxLength: 5 });
  const four = fc.tuple(host, host, host, host);
  fc.assert(fc.property(four, list, list, ([hub, api, dns, other], allowedIPs, machine) => {
    const peers = [{ endpoint: { host: hub, port: 1 }, allowedIPs }];
    const servers = { apiServers: [{ address: api, port: 6443 }], resolvers: [dns] };
    for (const strict of [false, true]) {
      const wanted = policyFor(peers, servers, strict);
      const kernel = policyOf(wanted);
      const plain = allowedIPs.filter((cidr) => !wanted.prefixes.includes(cidr));
      const everywhere = cidrs("0.0.0.0/0 ::/0");
      const main = { tunnel: plain, machine: [...machine, ...everywhere] };
      const into = (packet: Packet) => routed(packet, kernel, main)?.into;
      assertEquals(into({ to: hub, mark: 0x10 }), "machine");
      assertEquals(into({ to: api, protocol: 6, port: 6443 }), "machine");
      const isMeant = allowedIPs.includes(hostCidr(dns));
      for (const protocol of [6, 17]) {
        const place = into({ to: dns, protocol, port: 53 });
        assertEquals(isMeant || place === "machine" || isNobodys(dns), true, `${dns} ${place}`);
      }
      if (strict) assertEquals(into({ to: hub }), "machine", "the way back of its answers");
      const without = routed({ to: other }, NOTHING, { tunnel: [], machine });
      const within = wanted.prefixes.some((cidr) => cidrContains(cidr, hostCidr(other)));
      // Without a route of the machine's own that is not a default one, the prefix leads into the tunnel.
      const excepted = wanted.exceptions.some(({ to, service }) =>
        service === undefined && cidrContains(to, hostCidr(other))
      );
      if (within && !without && !excepted) assertEquals(into({ to: other }), "tunnel");
    }
  }));
});
