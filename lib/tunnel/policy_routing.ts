import type { Cidr } from "../ip/cidr.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import type { Route } from "../netlink/routes.ts";
import type { Rule } from "../netlink/rules.ts";
import { SystemError } from "../netlink/system_error.ts";
import { isOurRule, OWN_TABLE, planPolicy, type Policy } from "./plan_policy.ts";
import { OUR_PROTOCOL } from "./plan_routes.ts";

/** A table of our own, and the rules that lead to it. */
export interface OwnTable {
  readonly number: number;
  /** Whether a rule that was found is one of them: only such are ever removed. */
  isOurs(rule: Rule): boolean;
  /** What to say if it leads into the interface `holder` and is wanted for this one. */
  held(holder: string): string;
}

/** A spoke's: the prefixes that hold what must be reached outside the tunnel. */
const SPOKES: OwnTable = {
  number: OWN_TABLE,
  isOurs: isOurRule,
  held: (holder) =>
    `the prefixes that hold the hub or the API server need table ${OWN_TABLE}, which leads into ` +
    `${holder}: one spoke of a machine can have it; take that one down, or give its prefixes up`,
};

/** What was changed, for the log; undefined if nothing. And what the kernel refused, in words. */
export interface PolicyReport {
  readonly changed?: Readonly<Record<string, unknown>>;
  readonly refused: readonly string[];
}

/** What of the kernel's network it looks at and changes. */
export type PolicyNetwork = Pick<
  NetworkAccess,
  "links" | "routes" | "addRoutes" | "removeRoutes" | "rules" | "addRule" | "removeRule"
>;

/**
 * A table of our own and the rules that lead to it. Removes nothing that is not marked as ours. A
 * machine has one such table: another interface keeps it while it has routes there.
 */
export class PolicyRouting {
  readonly #network: PolicyNetwork;
  readonly #table: OwnTable;
  #found: Policy | undefined;

  /** @param table default: that of a spoke. */
  constructor(network: PolicyNetwork, table: OwnTable = SPOKES) {
    this.#network = network;
    this.#table = table;
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
  reconcile(wanted: Policy, interfaceIndex: number, readBack: boolean): PolicyReport {
    const holder = readBack || !this.#found ? this.#holder(interfaceIndex) : undefined;
    if (holder !== undefined) {
      this.#found = undefined;
      return { refused: wanted.routes.size > 0 ? [this.#table.held(holder)] : [] };
    }
    const found = readBack || !this.#found ? this.read(interfaceIndex) : this.#found;
    const { addRoutes, addRules, removeRules, removeRoutes } = planPolicy(wanted, found);
    this.#found = undefined;
    const routeTo = (destination: Cidr): Route => ({
      destination,
      table: this.#table.number,
      protocol: OUR_PROTOCOL,
      interfaceIndex,
    });
    const refused = [
      ...this.#network.addRoutes(addRoutes.map(routeTo)).map(({ error }) => error.message),
      ...changeEach(addRules, (rule) => this.#network.addRule(rule)),
      ...changeEach(removeRules, (rule) => this.#network.removeRule(rule)),
    ];
    this.#network.removeRoutes(removeRoutes.map(routeTo));
    if (refused.length === 0) this.#found = wanted;
    const changes = {
      added: printed(addRoutes),
      removed: printed(removeRoutes),
      rulesAdded: addRules.length || undefined,
      rulesRemoved: removeRules.length || undefined,
    };
    const changed = Object.values(changes).some((value) => value !== undefined);
    return { ...(changed && { changed: { table: this.#table.number, ...changes } }), refused };
  }

  /** What is ours in the kernel. */
  read(interfaceIndex: number): Policy {
    const routes = this.#routes().filter((route) => route.interfaceIndex === interfaceIndex);
    return {
      routes: new Set(routes.map(({ destination }) => destination)),
      rules: this.#network.rules().filter(this.#table.isOurs),
    };
  }

  /**
   * Takes the rules away that lead into an interface; routes go with it.
   *
   * @param interfaceIndex of the tunnel; absent if there is none any more.
   * @returns how many there were.
   */
  removeRules(interfaceIndex?: number): number {
    if (this.#holder(interfaceIndex) !== undefined) return 0;
    const rules = this.#network.rules().filter(this.#table.isOurs);
    for (const rule of rules) this.#network.removeRule(rule);
    this.#found = undefined;
    return rules.length;
  }

  /** The name of the other interface that has the table; undefined if none has, or this one too. */
  #holder(interfaceIndex: number | undefined): string | undefined {
    const routes = this.#routes();
    if (routes.some((route) => route.interfaceIndex === interfaceIndex)) return undefined;
    const [other] = routes;
    if (!other) return undefined;
    const link = this.#network.links().find(({ index }) => index === other.interfaceIndex);
    return link?.name ?? "another interface";
  }

  #routes(): Route[] {
    return this.#network.routes({ table: this.#table.number, protocol: OUR_PROTOCOL });
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
