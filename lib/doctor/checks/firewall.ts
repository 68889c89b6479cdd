import { familyOf, type IpFamily } from "../../ip/address.ts";
import type { ResolvedEndpoint } from "../../ip/endpoint.ts";
import { type FilterRule, type Firewall, isOf } from "../../netlink/nft_rules.ts";
import { type BaseChain, NF_HOOK } from "../../netlink/nftables.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import { nameSome } from "../name_some.ts";

/** What must pass, and what might be in its way. */
export interface FirewallFacts {
  readonly program: "hub" | "spoke";
  /** The tunnel's interface. */
  readonly name: string;
  readonly listenPort: number;
  /** Families that the tunnel carries. */
  readonly families: readonly IpFamily[];
  /** Of the peers, outside of the tunnel. */
  readonly endpoints: readonly ResolvedEndpoint[];
  /** The devices by which they are reached. */
  readonly outside: readonly string[];
  /** Undefined if it could not be read. */
  readonly firewall: Firewall | undefined;
}

/** WireGuard's packets as one end sees them: where they pass, and for which port they are. */
interface Passage {
  readonly hook: number;
  readonly direction: "in" | "out";
  readonly ports: readonly number[];
}

/**
 * The firewall must let WireGuard's own packets pass (a hub's come in, a spoke's go out), and what
 * the machine forwards. What rules ask for is understood in part only, so a chain that drops what
 * none of its rules accepts may well have such a rule that is not seen.
 */
export function checkFirewall(facts: FirewallFacts): Finding {
  const { firewall } = facts;
  if (!firewall) return skipped("the kernel's nftables could not be read");
  return wireGuardPasses(firewall, facts) ?? forwards(firewall, facts);
}

function wireGuardPasses(firewall: Firewall, facts: FirewallFacts): Finding | undefined {
  const { hook, direction, ports } = passageOf(facts);
  const families = facts.endpoints.map(({ host }) => familyOf(host));
  const chains = firewall.chains.filter((chain) =>
    chain.hook === hook && (families.length === 0 || carries(chain, families))
  );
  for (const chain of chains) {
    const met = firewall.rules.filter((rule) =>
      isOf(rule, chain) && canBeMet(firewall, rule.chain, chain)
    );
    for (const port of ports) {
      const finding = portPasses(met, chain, { ...facts, port, direction });
      if (finding) return finding;
    }
  }
  return undefined;
}

/** @param met the rules that the chain's packets may come to; of one chain they are in its order. */
function portPasses(
  met: readonly FilterRule[],
  base: BaseChain,
  { port, direction, outside }: Pick<FirewallFacts, "outside"> & {
    readonly port: number;
    readonly direction: "in" | "out";
  },
): Finding | undefined {
  const acceptsAll = (rule: FilterRule) =>
    rule.verdict === "accept" && rule.udpPort === undefined && !rule.asksMore &&
    outside.some((device) => isNamed(device, rule.inputDevice ?? rule.outputDevice));
  const accepts = ({ verdict, udpPort }: FilterRule) =>
    verdict === "accept" && (udpPort === port || udpPort === "some");
  const drop = met.findIndex(({ verdict, udpPort }) => verdict === "drop" && udpPort === port);
  const dropped = met[drop];
  if (dropped) {
    const passes = (rule: FilterRule, index: number) =>
      accepts(rule) && (rule.chain !== dropped.chain || index < drop);
    return met.some(passes)
      ? undefined
      : isDropped(dropped, port, base, met.slice(0, drop).some(acceptsAll));
  }
  return base.policy === "accept" || met.some((rule) => accepts(rule) || acceptsAll(rule))
    ? undefined
    : isNotAccepted(base, port, direction);
}

function carries({ family }: BaseChain, families: readonly IpFamily[]): boolean {
  return family === "inet" || families.includes(family === "ip" ? 4 : 6);
}

function passageOf({ program, listenPort, endpoints }: FirewallFacts): Passage {
  if (program === "hub") return { hook: NF_HOOK.INPUT, direction: "in", ports: [listenPort] };
  const ports = new Set(endpoints.map(({ port }) => port));
  return { hook: NF_HOOK.OUTPUT, direction: "out", ports: [...ports] };
}

/** Whether packets of a base chain may come to another chain: to those that hang elsewhere they do not. */
function canBeMet({ chains }: Firewall, name: string, from: BaseChain): boolean {
  return name === from.chain || !chains.some((one) => one.chain === name && isOf(one, from));
}

/** A chain of the user's own is jumped to, and that may ask for something, too. */
function isDropped(
  rule: FilterRule,
  port: number,
  base: BaseChain,
  isPassedBefore: boolean,
): Finding {
  const where = nameOf(rule);
  const isPartial = rule.asksMore || rule.inputDevice || rule.outputDevice ||
    rule.chain !== base.chain || isPassedBefore;
  return (isPartial ? warning : failed)(
    `a rule of ${where} drops UDP port ${port}${isPartial ? ", perhaps not of all packets" : ""}`,
    `nft delete rule ${where} handle ${rule.handle}; and where your firewall keeps its rules`,
  );
}

function isNotAccepted(chain: BaseChain, port: number, direction: "in" | "out"): Finding {
  return warning(
    `${nameOf(chain)} drops what none of its rules accepts, and none lets UDP port ${port} ` +
      `${direction}, as far as is seen`,
    `nft insert rule ${
      nameOf(chain)
    } udp dport ${port} accept; and where your firewall keeps its rules`,
  );
}

function forwards({ chains, rules }: Firewall, { name, families }: FirewallFacts): Finding {
  const lets = (chain: BaseChain, device: "inputDevice" | "outputDevice") =>
    rules.some((rule) =>
      rule.verdict === "accept" && isOf(rule, chain) && isNamed(name, rule[device])
    );
  const dropping = chains.filter((chain) =>
    chain.hook === NF_HOOK.FORWARD && chain.policy === "drop" && carries(chain, families) &&
    !(lets(chain, "inputDevice") && lets(chain, "outputDevice"))
  );
  const [first] = dropping;
  if (!first) {
    return ok(`no nftables chain drops what ${name} needs (old iptables are not looked at)`);
  }
  const rule = (by: string) => `nft insert rule ${nameOf(first)} ${by} ${name} accept`;
  return warning(
    `${nameSome(dropping.map(nameOf))} drops what none of its rules accepts`,
    `unless a rule of it lets ${name} through: ${rule("iifname")}; ${rule("oifname")}`,
  );
}

function isNamed(name: string, pattern: string | undefined): boolean {
  return pattern?.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function nameOf({ family, table, chain }: Pick<BaseChain, "family" | "table" | "chain">): string {
  return `${family} ${table} ${chain}`;
}
