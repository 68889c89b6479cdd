import { assert, assertEquals, assertThrows } from "@std/assert";
import { admit, type Judgement } from "../../lib/contract/admission.ts";
import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
import { peerClaimOf } from "../../lib/contract/claim.ts";
import { hubFromInside } from "../../lib/contract/hub_from_inside.ts";
import { EMPTY_LEDGER } from "../../lib/contract/ledger.ts";
import { memberClaim } from "../../lib/contract/member_claim.ts";
import { type MemberFacts, memberPrefixes } from "../../lib/contract/member_prefixes.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { mayBeMember, planPublication, planWithdrawal } from "../../lib/contract/publication.ts";
import { publicationOn, spokePublication } from "../../lib/contract/spoke_publication.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { parseOptions } from "../../lib/options/parse_options.ts";
import { settleSpokeOptions } from "../../lib/options/settle_spoke_options.ts";
import { SPOKE_OPTIONS } from "../../lib/options/spoke_options.ts";
import { membersPolicy } from "../../lib/tunnel/plan_members.ts";
import { UserError } from "../../lib/user_error.ts";
import { keyOf } from "./arbitraries.ts";
import { cidrs, claim, FACTS, NO_HOLD } from "./claims.ts";

const KEYS = annotationKeys("wireguard.kube/");
const addresses = (text: string) => text.split(" ") as IpAddress[];

/** A Node with a status. */
function node(internalIPs: string, rest: Partial<NodeView> = {}): NodeView {
  return {
    name: "n1",
    uid: "n1",
    createdAt: 1000,
    labels: {},
    annotations: {},
    status: {
      internalIPs: internalIPs === "" ? [] : addresses(internalIPs),
      externalIPs: [],
      ready: true,
    },
    ...rest,
  };
}

/** A member's claim, as it counts. */
const member = (number: number, allowedIPs: string) =>
  claim(number, allowedIPs, { isMember: true });

/** Where the interface has learned that a peer is. */
const seenAt = (number: number, host: string) =>
  [keyOf(number), { host: host as IpAddress, port: 51820 }] as const;

const outcome = ({ admitted }: Judgement) =>
  Object.fromEntries([...admitted.values()].map(({ node, allowedIPs }) => [node, [...allowedIPs]]));
const reasons = ({ refusals }: Judgement) =>
  refusals.map(({ node, value, reason }) => `${node} ${value}: ${reason}`);

Deno.test("a Node with the member's label claims its InternalIPs, and nothing else", () => {
  const labels = { [KEYS.peer]: MARKED, [KEYS.member]: MARKED };
  const claimed = (allowedIPs: string | undefined, status: NodeView | undefined) => {
    const annotations = {
      [KEYS.publicKey]: keyOf(1),
      ...(allowedIPs !== undefined && { [KEYS.allowedIPs]: allowedIPs }),
    };
    const said = peerClaimOf(node("", { labels, annotations }), KEYS);
    assertEquals(said.isMember, true);
    const { allowedIPs: got, faults } = memberClaim(said, status);
    return [got, faults.map(({ value, reason }) => `${value} ${reason}`)];
  };
  const both = node("172.16.0.6 fd16::6");
  const own = ["172.16.0.6/32", "fd16::6/128"];
  assertEquals(claimed("172.16.0.6/32,fd16::6/128", both), [own, []]);
  assertEquals(claimed(undefined, both), [own, []]);
  assertEquals(claimed("172.16.0.6/32", both), [["172.16.0.6/32"], []]);
  const refused = "is no InternalIP of its Node, and a member is given nothing else";
  assertEquals(claimed("172.16.0.6/32,100.96.0.2/32,172.16.0.0/24", both), [
    ["172.16.0.6/32"],
    [`"100.96.0.2/32" ${refused}`, `"172.16.0.0/24" ${refused}`],
  ]);
  assertEquals(claimed("172.16.0.6/32", undefined), [undefined, []], "not known yet");
  assertEquals(claimed("172.16.0.6/32", node("")), [undefined, []], "it has none at the moment");
});

Deno.test("admit() gives a member its own address on the hub's network, and nobody else", () => {
  const facts = {
    ...FACTS,
    learned: new Map([seenAt(1, "192.168.1.6"), seenAt(2, "192.168.1.7")]),
  };
  const judgement = admit(
    [member(1, "192.168.1.6/32"), claim(2, "192.168.1.7/32")],
    facts,
    EMPTY_LEDGER,
    NO_HOLD,
  );
  assertEquals(outcome(judgement), { n1: ["192.168.1.6/32"], n2: [] });
  const admitted = [...judgement.admitted.values()];
  assertEquals(admitted.map(({ isMember, strayed }) => [isMember, strayed]), [
    [true, false],
    [undefined, false],
  ]);
  assertEquals(reasons(judgement), [
    "n2 192.168.1.7/32: overlaps 192.168.1.0/24, which the hub reaches by another interface",
  ]);
});

Deno.test("admit() gives no member what is the hub's, another Node's, or the tunnel's", () => {
  const facts = { ...FACTS, nodes: new Map([["other", cidrs("172.16.0.9/32")]]) };
  const asked = "10.0.0.17/32 172.16.0.9/32 100.96.0.7/32 10.244.1.5/32 8.8.8.8/32 127.0.0.1/32";
  const judgement = admit([member(1, asked)], facts, EMPTY_LEDGER, NO_HOLD);
  assertEquals(outcome(judgement), { n1: [] });
  assertEquals(reasons(judgement), [
    "n1 10.0.0.17/32: is an address of the hub",
    "n1 172.16.0.9/32: covers 172.16.0.9/32, an address of node other, which is no peer",
    "n1 100.96.0.7/32: lies inside the tunnel's own network 100.96.0.0/24",
    "n1 10.244.1.5/32: lies inside 10.244.0.0/16, a network of pods",
    "n1 8.8.8.8/32: lies outside --peer-cidrs",
    "n1 127.0.0.1/32: overlaps 127.0.0.0/8, which no peer may have",
  ]);
});

Deno.test("admit() puts members before other newcomers, and holders before both", () => {
  const rivals = [claim(1, "172.16.0.6/32"), member(2, "172.16.0.6/32")];
  assertEquals(outcome(admit(rivals, FACTS, EMPTY_LEDGER, NO_HOLD)), {
    n1: [],
    n2: ["172.16.0.6/32"],
  });
  const { ledger } = admit([rivals[0]!], FACTS, EMPTY_LEDGER, NO_HOLD);
  assertEquals(outcome(admit(rivals, FACTS, ledger, NO_HOLD)), { n1: ["172.16.0.6/32"], n2: [] });
});

Deno.test("a member's address is not kept for a Node that has gone: another has it now", () => {
  const { ledger } = admit([member(1, "172.16.0.6/32")], FACTS, EMPTY_LEDGER, NO_HOLD);
  const hold = { ...NO_HOLD, holdMs: 600_000 };
  const judge = (heir: ReturnType<typeof claim>) => outcome(admit([heir], FACTS, ledger, hold));
  assertEquals(judge(member(2, "172.16.0.6/32")), { n2: ["172.16.0.6/32"] });
  assertEquals(judge(claim(2, "172.16.0.6/32")), { n2: [] });
});

Deno.test("who is a member no more keeps none of what it had as one, though nobody takes its claim back", () => {
  const own = "172.16.0.6/32 fd16::6/128";
  const facts = { ...FACTS, learned: new Map([seenAt(1, "172.16.0.6")]) };
  const { ledger } = admit([member(1, own)], facts, EMPTY_LEDGER, NO_HOLD);
  const wasMember = [claim(1, `${own} 10.8.0.0/24`), claim(2, "10.7.0.0/24")];
  for (const learned of [facts.learned, new Map()]) { // the interface may have been made anew
    let before = ledger;
    for (const _ of ["at once", "and from then on"]) {
      const left = admit(wasMember, { ...FACTS, learned }, before, NO_HOLD);
      assertEquals(outcome(left), { n1: ["10.8.0.0/24"], n2: ["10.7.0.0/24"] });
      assertEquals(reasons(left), [
        "n1 172.16.0.6/32: was given to it as a member, which it is no more",
        "n1 fd16::6/128: was given to it as a member, which it is no more",
      ]);
      before = left.ledger;
    }
    const { allowedIPs: _, ...saysNothing } = claim(1, "");
    assertEquals(outcome(admit([saysNothing], FACTS, before, NO_HOLD)), { n1: ["10.8.0.0/24"] });
    const again = admit([member(1, own)], { ...FACTS, learned }, before, NO_HOLD);
    assertEquals(outcome(again), { n1: own.split(" ") });
  }
});

Deno.test("a member whose Node has another name now keeps key and address; nobody else takes a key that is kept", () => {
  const { ledger } = admit([member(1, "172.16.0.6/32")], FACTS, EMPTY_LEDGER, NO_HOLD);
  const hold = { ...NO_HOLD, holdMs: 600_000 };
  const heir = (claimed: ReturnType<typeof claim>) =>
    admit([{ ...claimed, node: "renamed", publicKey: keyOf(1) }], FACTS, ledger, hold);
  const renamed = heir(member(2, "172.16.0.6/32"));
  assertEquals([outcome(renamed), reasons(renamed)], [{ renamed: ["172.16.0.6/32"] }, []]);
  assertEquals([...renamed.ledger.keys.values(), ...renamed.ledger.released.keys()], ["renamed"]);
  const again = { ...member(2, "172.16.0.6/32"), node: "renamed", publicKey: keyOf(1) };
  const both = admit([member(1, "172.16.0.6/32"), again], FACTS, renamed.ledger, hold);
  assertEquals(outcome(both), { renamed: ["172.16.0.6/32"] });
  assertEquals(reasons(both), [`n1 ${keyOf(1)}: is held by node renamed`]);
  const meanwhile = admit([], FACTS, ledger, hold).ledger; // it has gone for a while
  const late = { ...member(2, "172.16.0.6/32"), node: "renamed", publicKey: keyOf(1) };
  assertEquals(outcome(admit([late], FACTS, meanwhile, hold)), { renamed: ["172.16.0.6/32"] });
  for (
    const other of [member(2, "172.16.0.7/32"), claim(2, "172.16.0.6/32"), claim(2, "10.7.0.0/24")]
  ) {
    assertEquals(outcome(heir(other)), {});
  }
});

Deno.test("no member takes the key of a spoke that is away by saying that it has its address", () => {
  const { ledger } = admit([claim(1, "10.7.0.1/32")], FACTS, EMPTY_LEDGER, NO_HOLD);
  const hold = { ...NO_HOLD, holdMs: 600_000 };
  const thief = { ...member(2, "10.7.0.1/32"), publicKey: keyOf(1) };
  const judged = admit([thief], FACTS, ledger, hold);
  assertEquals(outcome(judged), {});
  const back = admit([claim(1, "10.7.0.1/32"), thief], FACTS, judged.ledger, hold);
  assertEquals(outcome(back), { n1: ["10.7.0.1/32"] });
});

Deno.test("without its ledger a hub still gives nobody the very address at which it reaches them", () => {
  const facts = { ...FACTS, learned: new Map([seenAt(1, "172.16.0.6")]) };
  const { ledger } = admit([member(1, "172.16.0.6/32")], facts, EMPTY_LEDGER, NO_HOLD);
  const shown = { ...ledger, asMembers: new Map() };
  const left = admit([claim(1, "172.16.0.6/32"), claim(2, "10.7.0.0/24")], facts, shown, NO_HOLD);
  assertEquals(outcome(left), { n1: [], n2: ["10.7.0.0/24"] });
  assertEquals(reasons(left), ["n1 172.16.0.6/32: covers the endpoint 172.16.0.6/32 of node n1"]);
});

Deno.test("a member publishes both labels and its Node's InternalIPs, and follows them", () => {
  const options = {
    address: [],
    allowedIPs: undefined,
    endpoint: undefined,
    site: undefined,
    vpcIP: undefined,
    member: true,
  };
  const publication = spokePublication(keyOf(1), options);
  assertEquals(publicationOn(node(""), publication), undefined, "it has none yet");
  const plan = (internalIPs: string) => {
    const on = node(internalIPs);
    return planPublication(on, publicationOn(on, publication)!, KEYS);
  };
  assertEquals(plan("172.16.0.6 fd16::6"), [
    { labels: { [KEYS.peer]: MARKED, [KEYS.member]: MARKED } },
    {
      annotations: {
        [KEYS.publicKey]: keyOf(1),
        [KEYS.allowedIPs]: "172.16.0.6/32,fd16::6/128",
      },
    },
  ]);
  assertEquals(plan("172.16.0.9")[1]!.annotations![KEYS.allowedIPs], "172.16.0.9/32");
});

Deno.test("planWithdrawal() takes away what a peer said, but for what is an administrator's or a hub's", () => {
  const annotations = { [KEYS.publicKey]: "k", [KEYS.allowedIPs]: "a", other: "o" };
  const plan = (labels: Record<string, string>) => {
    const on = node("", { labels, annotations });
    return [mayBeMember(on, KEYS), planWithdrawal(on, KEYS, true)];
  };
  const said = { [KEYS.publicKey]: null, [KEYS.allowedIPs]: null };
  const peer = { [KEYS.peer]: MARKED };
  assertEquals(plan({ ...peer, [KEYS.member]: MARKED }), [true, {
    labels: { [KEYS.peer]: null, [KEYS.member]: null },
    annotations: said,
  }]);
  assertEquals(plan({ ...peer, [KEYS.member]: "false" }), [false, {
    labels: { [KEYS.peer]: null },
    annotations: said,
  }]);
  assertEquals(plan({ ...peer, [KEYS.member]: MARKED, [KEYS.hub]: MARKED }), [false, {
    labels: { [KEYS.peer]: null, [KEYS.member]: null },
  }]);
  assertEquals(planWithdrawal(node(""), KEYS, true), undefined);
});

Deno.test("planWithdrawal() leaves the label on a spoke's Node, so that it is not taken for the cluster's", () => {
  const plan = (labels: Record<string, string>, annotations: Record<string, string> = {}) =>
    planWithdrawal(node("", { labels, annotations }), KEYS, false);
  assertEquals(plan({ [KEYS.peer]: MARKED, [KEYS.site]: "lab" }, { [KEYS.publicKey]: "k" }), {
    labels: { [KEYS.peer]: "false", [KEYS.site]: null },
    annotations: { [KEYS.publicKey]: null },
  });
  assertEquals(plan({ [KEYS.peer]: "false" }), undefined);
  assertEquals(plan({}), undefined, "before it has registered there is nothing to leave");
});

Deno.test("hubFromInside() has the InternalIP that can be reached, and the published port", () => {
  const hub = (endpoint: string, internalIPs: string, reached: string) => {
    const view = node(internalIPs, { annotations: { [KEYS.endpoint]: endpoint } });
    const inside = hubFromInside(view, KEYS, (address) => reached.split(" ").includes(address));
    return inside.annotations[KEYS.endpoint];
  };
  assertEquals(hub("203.0.113.1:51820", "172.16.0.4", "172.16.0.4"), "172.16.0.4:51820");
  assertEquals(hub("hub.example:700", "172.16.0.4 fd16::4", "fd16::4"), "[fd16::4]:700");
  assertEquals(hub("203.0.113.1:51820", "fd16::4", "172.16.0.4"), "203.0.113.1:51820");
  assertEquals(hub("203.0.113.1:51820", "", "172.16.0.4"), "203.0.113.1:51820");
  assertEquals(hub("nonsense", "172.16.0.4", "172.16.0.4"), "nonsense");
});

Deno.test("memberPrefixes() leaves out what would cut the member off, each prefix by itself", () => {
  const facts: MemberFacts = {
    hubs: addresses("172.16.0.4 203.0.113.1"),
    internalIPs: addresses("172.16.8.6"),
    neighbours: addresses("172.17.0.1 10.255.0.1"),
    connected: cidrs("172.16.8.0/24"),
    sources: { 4: "172.16.8.6" as IpAddress },
  };
  const table: Record<string, string | undefined> = {
    "100.96.0.0/12": undefined,
    "10.244.0.0/16": undefined,
    "172.16.0.0/16": "holds 172.16.0.4, at which the hub itself is reached",
    "172.16.8.0/22": "holds 172.16.8.6, this node's own address",
    "172.17.0.0/16": "holds 172.17.0.1, a gateway, name server or API server of this node",
    "10.0.0.0/8": "holds 10.255.0.1, a gateway, name server or API server of this node",
    "172.16.8.64/26": "lies in 172.16.8.0/24, a network of this node itself",
    "0.0.0.0/0": "holds 172.16.0.4, at which the hub itself is reached",
    "169.254.169.0/24": "overlaps 169.254.0.0/16",
    "fd00::/8": "is IPv6, and this machine has no InternalIP of its Node in that family",
  };
  for (const [cidr, reason] of Object.entries(table)) {
    const { prefixes, leftOut } = memberPrefixes(cidrs(`${cidr} 100.64.0.0/16`), facts);
    const kept = reason === undefined ? [cidr, "100.64.0.0/16"] : ["100.64.0.0/16"];
    assertEquals([prefixes, leftOut], [kept as Cidr[], reason ? [`${cidr} ${reason}`] : []], cidr);
  }
});

Deno.test("membersPolicy() leads packets from the tunnel, and from the hub's address in it, to members", () => {
  const hub = [{ address: "100.96.0.1" as IpAddress, prefixLength: 32 }];
  assertEquals(membersPolicy(cidrs("172.16.0.6/32 fd16::6/128"), "wg0", hub), {
    routes: new Set(cidrs("172.16.0.6/32 fd16::6/128")),
    rules: [
      { family: 4, priority: 32762, table: 88, protocol: 87, iif: "wg0" },
      { family: 4, priority: 32762, table: 88, protocol: 87, from: "100.96.0.1/32" as Cidr },
      { family: 6, priority: 32762, table: 88, protocol: 87, iif: "wg0" },
    ],
  });
  assertEquals(membersPolicy([], "wg0", hub), { routes: new Set(), rules: [] });
});

Deno.test("a member's options: what it needs, what it cannot have, and where its credential is", () => {
  const settle = (args: string[], command?: string) =>
    settleSpokeOptions(parseOptions(SPOKE_OPTIONS, args, new Map<string, string>()), command);
  const whole = ["--member", "--node-name=n1", "--tunnel-cidrs=100.96.0.0/12"];
  const { kubeconfig, address, hubAllowedIPs } = settle(whole);
  assertEquals([kubeconfig, address, hubAllowedIPs], [undefined, [], cidrs("100.96.0.0/12")]);
  assertEquals(settle([...whole, "--kubeconfig=/a"]).kubeconfig, "/a");
  assertEquals(settle([]).kubeconfig, "/etc/kubernetes/kubelet.conf");
  assert(settle(["--member", "--node-name=n1"], "down").member, "to end it needs no prefixes");
  const faults: [string[], string][] = [
    [["--member", "--tunnel-cidrs=100.96.0.0/12"], "--node-name (NODE_NAME)"],
    [["--member", "--node-name=n1"], "--tunnel-cidrs (WG_TUNNEL_CIDRS)"],
    [["--tunnel-cidrs=100.96.0.0/12"], "is for a member"],
    [[...whole, "--hub-allowed-ips=10.0.0.0/8"], "--hub-allowed-ips"],
    [[...whole, "--allowed-ips=10.0.0.0/8"], "--allowed-ips"],
    [[...whole, "--site=lab"], "--site"],
  ];
  for (const [args, message] of faults) assertThrows(() => settle(args), UserError, message);
});
