import { type BaseChain, NF_HOOK } from "../../netlink/nftables.ts";
import { type Finding, ok, skipped, warning } from "../finding.ts";
import { nameSome } from "../name_some.ts";

/**
 * The firewall must let through what the machine forwards. A base chain that drops what none of its
 * rules accepts may well have such a rule: what rules mean is not looked at.
 *
 * @param chains undefined if they could not be read.
 */
export function checkForwardPolicy(
  chains: readonly BaseChain[] | undefined,
  name: string,
): Finding {
  if (!chains) return skipped("the kernel's nftables could not be read");
  const dropping = chains.filter(({ hook, policy }) =>
    hook === NF_HOOK.FORWARD && policy === "drop"
  );
  const [first] = dropping;
  if (!first) {
    return ok("no nftables chain drops what is forwarded (old iptables are not looked at)");
  }
  const { family, table, chain } = first;
  const rule = (by: string) => `nft insert rule ${family} ${table} ${chain} ${by} ${name} accept`;
  return warning(
    `${
      nameSome(dropping.map(({ family, table, chain }) => `${family} ${table} ${chain}`))
    } drops ` +
      "what none of its rules accepts",
    `unless a rule of it lets ${name} through: ${rule("iifname")}; ${rule("oifname")}`,
  );
}
