import type { Cidr } from "../ip/cidr.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import type { Route } from "../netlink/routes.ts";
import type { Rule } from "../netlink/rules.ts";
import { SystemError } from "../netlink/system_error.ts";
import {
  isOurRule,
  OWN_TABLE,
  planPolicy,
  type Policy,
  policyOf,
  type WantedPolicy,
} from "./plan_policy.ts";
import { OUR_PROTOCOL } from "./plan_routes.ts";

/** What was changed, for the log; undefined if nothing. And what the kernel refused, in words. */
export interface PolicyReport {
  readonly changed?: Readonly<Record<string, unknown>>;
  readonly refused: readonly string[];
}

/** The table of our own and the rules that lead to it. Removes nothing that is not marked as ours. */
export class PolicyRouting {
  readonly #network: NetworkAccess;
  #found: Policy | undefined;

  constructor(network: NetworkAccess) {
    this.#network = network;
  }

  /** Whether rules stand, as far as is known: then the tunnel's own packets must bear the mark. */
  get stands(): boolean {
    return this.#found !== undefined && this.#found.rules.length > 0;
  }

  /**
   * Makes table and rules what is wanted.
   *
   * @param readBack read the kernel afresh, rather than trust what it was told.
   */
  reconcile(wanted: WantedPolicy, interfaceIndex: number, readBack: boolean): PolicyReport {
    const found = readBack || !this.#found ? this.read(interfaceIndex) : this.#found;
    const policy = policyOf(wanted);
    const { addRoutes, addRules, removeRules, removeRoutes } = planPolicy(policy, found);
    this.#found = undefined;
    const routeTo = (destination: Cidr): Route => ({
      destination,
      table: OWN_TABLE,
      protocol: OUR_PROTOCOL,
      interfaceIndex,
    });
    const refused = [
      ...this.#network.addRoutes(addRoutes.map(routeTo)).map(({ error }) => error.message),
      ...changeEach(addRules, (rule) => this.#network.addRule(rule)),
      ...changeEach(removeRules, (rule) => this.#network.removeRule(rule)),
    ];
    this.#network.removeRoutes(removeRoutes.map(routeTo));
    if (refused.length === 0) this.#found = policy;
    const changes = {
      added: printed(addRoutes),
      removed: printed(removeRoutes),
      rulesAdded: addRules.length || undefined,
      rulesRemoved: removeRules.length || undefined,
    };
    const changed = Object.values(changes).some((value) => value !== undefined);
    return { ...(changed && { changed: { table: OWN_TABLE, ...changes } }), refused };
  }

  /** What is ours in the kernel. @param interfaceIndex of the tunnel; absent: of any interface. */
  read(interfaceIndex?: number): Policy {
    const routes = this.#network.routes({
      table: OWN_TABLE,
      protocol: OUR_PROTOCOL,
      ...(interfaceIndex !== undefined && { interfaceIndex }),
    });
    return {
      routes: new Set(routes.map(({ destination }) => destination)),
      rules: this.#network.rules().filter(isOurRule),
    };
  }

  /** Takes all rules of ours away; routes go with their interface. @returns how many there were. */
  removeRules(): number {
    const rules: readonly Rule[] = this.read().rules;
    for (const rule of rules) this.#network.removeRule(rule);
    this.#found = undefined;
    return rules.length;
  }
}

/**
 * Changes one rule after the other. That a rule is there already, or is not, is what was wanted; any
 * other refusal ends it, for the next rule must not stand without this one.
 *
 * @returns the message of what the kernel refused.
 */
function changeEach(rules: readonly Rule[], change: (rule: Rule) => void): string[] {
  for (const rule of rules) {
    try {
      change(rule);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (!error.isExisting && !error.isMissing) return [error.message];
    }
  }
  return [];
}

function printed(cidrs: readonly Cidr[]): string | undefined {
  return cidrs.length === 0 ? undefined : cidrs.join(",");
}
