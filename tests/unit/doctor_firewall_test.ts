import { checkFirewall, type FirewallFacts } from "../../lib/doctor/checks/firewall.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { FilterRule } from "../../lib/netlink/nft_rules.ts";
import { type BaseChain, NF_HOOK } from "../../lib/netlink/nftables.ts";
import { expectFindings } from "./expect_finding.ts";

const chain = (hook: number, name: string, policy: BaseChain["policy"] = "accept"): BaseChain => ({
  ...{ family: "inet", table: "filter", chain: name, hook, policy },
});
const rule = (name: string, parts: Partial<FilterRule>): FilterRule => ({
  ...{ family: "inet", table: "filter", chain: name, handle: 7, verdict: "drop", asksMore: false },
  ...parts,
});
const well: FirewallFacts = {
  program: "hub",
  name: "wg0",
  listenPort: 51820,
  families: [4],
  outside: ["eth0"],
  endpoints: [{ host: "203.0.113.2" as IpAddress, port: 40_000 }],
  firewall: { chains: [], rules: [] },
};
const firewall = (chains: BaseChain[], ...rules: FilterRule[]) => ({ firewall: { chains, rules } });

Deno.test("checkFirewall() warns of chains that drop what is forwarded, unless wg0 is let through", () => {
  const closed = chain(NF_HOOK.FORWARD, "FORWARD", "drop");
  const lets = (parts: Partial<FilterRule>) => rule("user", { verdict: "accept", ...parts });
  const both = [lets({ inputDevice: "wg0" }), lets({ outputDevice: "wg0" })];
  expectFindings(checkFirewall, well, [
    [{ firewall: undefined }, ["skipped", /nftables/]],
    [{}, ["ok", /no nftables chain/]],
    [firewall([{ ...closed, policy: "accept" }]), ["ok", /no nftables chain/]],
    [firewall([closed]), [
      "warning",
      /^inet filter FORWARD drops/,
      /nft insert rule inet filter FORWARD iifname wg0 accept; .* oifname wg0 accept/,
    ]],
    [firewall([closed], both[0]!), ["warning", /FORWARD drops/, /oifname/]],
    [firewall([closed], ...both), ["ok", /no nftables chain/]],
    [firewall([closed], lets({ inputDevice: "wg*", outputDevice: "wg*" })), ["ok", /no nftables/]],
    [firewall([closed], lets({ inputDevice: "eth*", outputDevice: "wg0" })), [
      "warning",
      /drops/,
      /nft/,
    ]],
    [firewall([{ ...closed, table: "other" }], ...both), ["warning", /inet other/, /iifname/]],
    [firewall([{ ...closed, family: "ip6" }]), ["ok", /no nftables chain/]], // as Docker makes it
  ]);
});

Deno.test("checkFirewall() finds what drops WireGuard's packets that come in to a hub", () => {
  const input = chain(NF_HOOK.INPUT, "input");
  const closed = chain(NF_HOOK.INPUT, "input", "drop");
  const drops = rule("input", { udpPort: 51820 });
  const lets = (parts: Partial<FilterRule>) => rule("input", { verdict: "accept", ...parts });
  const accepts = rule("user", { udpPort: 51820, verdict: "accept" });
  expectFindings(checkFirewall, well, [
    [firewall([input], drops), [
      "failed",
      /^a rule of inet filter input drops UDP port 51820$/,
      /^nft delete rule inet filter input handle 7;/,
    ]],
    [firewall([input], { ...drops, inputDevice: "eth1" }), [
      "warning",
      /not of all packets/,
      /handle 7/,
    ]],
    [firewall([input], { ...drops, asksMore: true }), [
      "warning",
      /not of all packets/,
      /handle 7/,
    ]],
    [firewall([input], { ...drops, chain: "user" }), ["warning", /user drops/, /user handle 7/]],
    [firewall([input], { ...drops, udpPort: 53 }), ["ok", /no nftables chain/]],
    [firewall([input], accepts, drops), ["ok", /no nftables chain/]], // for some, and then for nobody else
    [firewall([input], { ...accepts, chain: "input" }, drops), ["ok", /no nftables chain/]],
    [firewall([input], drops, { ...accepts, chain: "input" }), ["failed", /drops/, /handle 7/]],
    [firewall([input], lets({ inputDevice: "eth0" }), drops), ["warning", /not of all/, /handle/]],
    [firewall([input], lets({ inputDevice: "wg0" }), drops), ["failed", /drops/, /handle 7/]],
    [firewall([closed], lets({ inputDevice: "eth0" })), ["ok", /no nftables chain/]],
    [firewall([closed], lets({ inputDevice: "lo" })), ["warning", /none lets/, /nft insert/]],
    [firewall([closed], lets({ asksMore: true })), ["warning", /none lets/, /nft insert/]],
    [firewall([input, chain(NF_HOOK.OUTPUT, "output")], { ...drops, chain: "output" }), [
      "ok",
      /no nftables chain/,
    ]],
    [firewall([closed]), [
      "warning",
      /^inet filter input drops .* none lets UDP port 51820 in,/,
      /^nft insert rule inet filter input udp dport 51820 accept;/,
    ]],
    [firewall([closed], accepts), ["ok", /no nftables chain/]],
    [firewall([closed], { ...accepts, udpPort: "some" }), ["ok", /no nftables chain/]],
    [firewall([{ ...closed, family: "ip6" }]), ["ok", /no nftables chain/]], // its peers have IPv4
  ]);
});

Deno.test("checkFirewall() finds what drops WireGuard's packets that leave a spoke", () => {
  const spoke = { ...well, program: "spoke" } as const;
  const output = chain(NF_HOOK.OUTPUT, "output");
  expectFindings(checkFirewall, spoke, [
    [firewall([output], rule("output", { udpPort: 40_000 })), [
      "failed",
      /drops UDP port 40000/,
      /handle 7/,
    ]],
    [firewall([output], rule("output", { udpPort: 51820 })), ["ok", /no nftables chain/]],
    [firewall([{ ...output, policy: "drop" }]), [
      "warning",
      /40000 out,/,
      /udp dport 40000 accept/,
    ]],
    [firewall([chain(NF_HOOK.INPUT, "input", "drop")]), ["ok", /no nftables chain/]], // it calls
  ]);
});
