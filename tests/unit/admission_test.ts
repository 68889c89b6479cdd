import { assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import { type Cidr, parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import { type Endpoint, printEndpoint } from "../../lib/ip/endpoint.ts";
import { admit, type Judgement } from "../../lib/contract/admission.ts";
import type { LocalFacts } from "../../lib/contract/local_facts.ts";
import type { Claim } from "../../lib/contract/claim.ts";
import { EMPTY_LEDGER } from "../../lib/contract/ledger.ts";
import { routesOverTunnel } from "../../lib/hub/routes_over_tunnel.ts";
import { rebuildLedger } from "../../lib/contract/rebuild_ledger.ts";
import { publicKeyFromBytes } from "../../lib/wireguard/key.ts";
import * as arbitrary from "./arbitraries.ts";
import { at, cidrs, claim, FACTS, judge, NO_HOLD } from "./claims.ts";

/** Who got what, as text, e.g. `{ n1: "10.0.0.0/24 @192.0.2.1:1" }`. */
function outcome({ admitted }: Judgement): Record<string, string> {
  return Object.fromEntries([...admitted.values()].map(({ node, allowedIPs, endpoint }) => [
    node,
    [...allowedIPs, ...(endpoint ? [`@${printEndpoint(endpoint)}`] : [])].join(" "),
  ]));
}

const reasons = ({ refusals }: Judgement) =>
  refusals.map(({ node, subject, value, reason }) => `${node} ${subject} ${value}: ${reason}`);

Deno.test("admit() lets in what nobody disputes", () => {
  const judgement = judge([claim(1, "10.1.0.0/24 fd00:1::/64", at("192.0.2.1:1")), claim(2, "")]);
  assertEquals(outcome(judgement), { n1: "10.1.0.0/24 fd00:1::/64 @192.0.2.1:1", n2: "" });
  assertEquals(judgement.refusals, []);
  assertEquals(judgement.ledger, {
    prefixes: new Map(cidrs("10.1.0.0/24 fd00:1::/64").map((cidr) => [cidr, "n1"])),
    keys: new Map([[arbitrary.keyOf(1), "n1"], [arbitrary.keyOf(2), "n2"]]),
    released: new Map(),
    asMembers: new Map(),
  });
});

Deno.test("admit() passes on what was masked, and refuses nothing for it", () => {
  const remark = {
    node: "n1",
    subject: "allowed-ips",
    value: "10.1.0.9/24",
    code: "host-bits",
    reason: "has host bits set",
  } as const;
  const { refusals, remarks } = judge([
    claim(1, "10.1.0.0/24", { remarks: [remark] }),
    claim(2, ""),
  ]);
  assertEquals([refusals, remarks], [[], [remark]]);
});

Deno.test("admit() refuses each forbidden prefix alone, and says why", () => {
  const table: Record<string, string> = {
    "0.0.0.0/0": "overlaps 0.0.0.0/8, which no peer may have",
    "::/0": "overlaps ::/127, which no peer may have",
    "127.1.0.0/16": "overlaps 127.0.0.0/8, which no peer may have",
    "169.254.169.254/32": "overlaps 169.254.0.0/16, which no peer may have",
    "224.0.0.1/32": "overlaps 224.0.0.0/3, which no peer may have",
    "255.255.255.255/32": "overlaps 224.0.0.0/3, which no peer may have",
    "::1/128": "overlaps ::/127, which no peer may have",
    "::ffff:a00:1/128": "overlaps ::ffff:0:0/96, which no peer may have",
    "fe80::1/128": "overlaps fe80::/10, which no peer may have",
    "fe00::/7": "overlaps fe80::/10, which no peer may have",
    "8.8.8.8/32": "lies outside --peer-cidrs",
    "10.0.0.0/7": "lies outside --peer-cidrs",
    "2001:db8::/32": "lies outside --peer-cidrs",
    "10.0.0.17/32": "covers 10.0.0.17/32, an address of the hub",
    "10.0.0.16/29": "covers 10.0.0.17/32, an address of the hub",
    "100.64.0.0/10": "covers 100.96.0.1/32, an address of the hub",
    "192.168.1.9/32": "overlaps 192.168.1.0/24, which the hub reaches by another interface",
    "10.0.0.48/29": "covers 10.0.0.50/32, which the hub must reach outside the tunnel",
  };
  for (const [cidr, reason] of Object.entries(table)) {
    const judgement = judge([claim(1, `${cidr} 10.9.0.0/16`), claim(2, "10.8.0.0/16")]);
    assertEquals(outcome(judgement), { n1: "10.9.0.0/16", n2: "10.8.0.0/16" }, cidr);
    assertEquals(reasons(judgement), [`n1 allowed-ips ${cidr}: ${reason}`]);
  }
});

Deno.test("admit() takes nothing from a holder for a wider route, and gives no newcomer a part of one", () => {
  const before = { ...FACTS, otherRoutes: FACTS.connected };
  const holders = [claim(1, "10.7.0.0/24"), claim(2, "10.7.1.0/24"), claim(3, "10.7.2.0/24")];
  const { ledger } = admit(holders, before, EMPTY_LEDGER, NO_HOLD);
  const facts = {
    ...FACTS,
    otherRoutes: cidrs("10.0.0.0/8 10.7.0.0/16 10.7.1.0/24 10.7.2.64/26 10.9.9.0/24"),
    connected: [],
  };
  const judgement = admit(
    [...holders, claim(4, "10.7.9.0/24 10.8.0.0/24")],
    facts,
    ledger,
    NO_HOLD,
  );
  assertEquals(outcome(judgement), { n1: "10.7.0.0/24", n2: "", n3: "", n4: "" });
  const elsewhere = "which the hub reaches by another interface";
  assertEquals(reasons(judgement), [
    `n2 allowed-ips 10.7.1.0/24: overlaps 10.7.1.0/24, ${elsewhere}`,
    `n3 allowed-ips 10.7.2.0/24: overlaps 10.7.2.64/26, ${elsewhere}`,
    `n4 allowed-ips 10.7.9.0/24: overlaps 10.0.0.0/8, ${elsewhere}`,
    `n4 allowed-ips 10.8.0.0/24: overlaps 10.0.0.0/8, ${elsewhere}`,
  ]);
  const here = { ...facts, connected: cidrs("10.0.0.0/8") };
  assertEquals(outcome(admit(holders, here, ledger, NO_HOLD)), { n1: "", n2: "", n3: "" });
});

Deno.test("admit() gives out the tunnel's network though a route that holds all of it leads elsewhere", () => {
  const asked = [claim(1, "100.96.0.2/32"), claim(2, "100.96.0.65/32"), claim(3, "100.97.0.1/32")];
  const told = ({ otherRoutes: routes, connected }: LocalFacts) =>
    routesOverTunnel({ routes, connected }, [parseInterfaceAddress("100.96.0.1/24")!]);
  const judgeBy = (routes: string, connected: Cidr[] = []) => {
    const facts = { ...FACTS, otherRoutes: cidrs(routes), connected };
    return { judgement: admit(asked, facts, EMPTY_LEDGER, NO_HOLD), told: told(facts) };
  };
  const routed = judgeBy("100.96.0.0/12 100.96.0.64/26");
  assertEquals(outcome(routed.judgement), { n1: "100.96.0.2/32", n2: "", n3: "" });
  assertEquals(
    routed.told,
    "100.96.0.0/12, which holds the tunnel's network, leads to another interface of this machine: " +
      "peers are admitted all the same, addresses of no peer go there",
  );
  assertEquals(outcome(judgeBy("100.96.0.0/24").judgement).n1, "100.96.0.2/32", "and not more");
  const connected = judgeBy("100.96.0.0/12", cidrs("100.96.0.0/12"));
  assertEquals(outcome(connected.judgement), { n1: "", n2: "", n3: "" });
  assertEquals([connected.told, judgeBy("100.96.0.64/26").told], [undefined, undefined]);
});

Deno.test("admit() gives what two newcomers ask for to the older, and tells the other who has it", () => {
  const judgement = judge([claim(2, "10.1.0.0/25 10.2.0.0/24"), claim(1, "10.1.0.0/24")]);
  assertEquals(outcome(judgement), { n1: "10.1.0.0/24", n2: "10.2.0.0/24" });
  assertEquals(reasons(judgement), [
    "n2 allowed-ips 10.1.0.0/25: overlaps 10.1.0.0/24, which node n1 holds",
  ]);
  const twins = [
    claim(2, "10.1.0.0/24", { createdAt: 7 }),
    claim(1, "10.1.0.0/24", { createdAt: 7 }),
  ];
  assertEquals(outcome(judge(twins)), { n1: "10.1.0.0/24", n2: "" });
});

Deno.test("admit() prefers the older Node for what is new, also to one that is known", () => {
  const { ledger } = judge([claim(5, "10.5.0.0/24")]);
  const judgement = judge([claim(5, "10.5.0.0/24 10.9.0.0/24"), claim(1, "10.9.0.0/24")], ledger);
  assertEquals(outcome(judgement), { n1: "10.9.0.0/24", n5: "10.5.0.0/24" });
});

Deno.test("admit() lets a holder keep its prefix against older newcomers", () => {
  const { ledger } = judge([claim(5, "10.1.0.0/24 10.2.0.0/24")]);
  for (const asked of ["10.1.0.0/24", "10.1.0.0/16", "10.1.0.128/25"]) {
    const judgement = judge([claim(1, asked), claim(5, "10.1.0.0/24 10.2.0.0/24")], ledger);
    assertEquals(outcome(judgement), { n1: "", n5: "10.1.0.0/24 10.2.0.0/24" }, asked);
  }
});

Deno.test("admit() lets a holder that narrows its prefix keep the part", () => {
  const { ledger } = judge([claim(5, "10.1.0.0/24")]);
  const judgement = judge([claim(1, "10.1.0.0/24"), claim(5, "10.1.0.0/25")], ledger);
  assertEquals(outcome(judgement), { n1: "", n5: "10.1.0.0/25" });
  const after = judge([claim(1, "10.1.0.128/25"), claim(5, "10.1.0.0/25")], judgement.ledger);
  assertEquals(outcome(after), { n1: "10.1.0.128/25", n5: "10.1.0.0/25" });
});

Deno.test("admit() frees what its holder no longer asks for", () => {
  const { ledger } = judge([claim(5, "10.1.0.0/24")]);
  assertEquals(outcome(judge([claim(1, "10.1.0.0/24"), claim(5, "")], ledger)), {
    n1: "10.1.0.0/24",
    n5: "",
  });
});

Deno.test("admit() gives a key held twice to its holder, else to the older Node", () => {
  const key = { publicKey: arbitrary.keyOf(9) };
  const claims = [claim(2, "10.2.0.0/24", key), claim(1, "10.1.0.0/24", key)];
  const judgement = judge(claims);
  assertEquals(outcome(judgement), { n1: "10.1.0.0/24" });
  assertEquals(reasons(judgement), [`n2 public-key ${arbitrary.keyOf(9)}: is held by node n1`]);
  const { ledger } = judge([claims[0]!]);
  assertEquals(outcome(judge(claims, ledger)), { n2: "10.2.0.0/24" });
});

Deno.test("admit() makes no peer of the hub's own key, nor of none", () => {
  const { publicKey: _, ...keyless } = claim(2, "10.2.0.0/24");
  const judgement = judge([claim(1, "10.1.0.0/24", { publicKey: FACTS.ownKey }), keyless]);
  assertEquals(outcome(judgement), {});
  assertEquals(reasons(judgement), [`n1 public-key ${FACTS.ownKey}: is the hub's own`]);
});

Deno.test("admit() follows a Node that changes its key, without loss of its prefixes", () => {
  const { ledger } = judge([claim(5, "10.1.0.0/24")]);
  const renewed = claim(5, "10.1.0.0/24", { publicKey: arbitrary.keyOf(50) });
  const judgement = judge([claim(1, "10.1.0.0/24"), renewed], ledger);
  assertEquals(outcome(judgement), { n1: "", n5: "10.1.0.0/24" });
  assertEquals(judgement.admitted.get(arbitrary.keyOf(50))?.node, "n5");
});

Deno.test("admit() drops an endpoint at which no peer can be, and keeps the peer", () => {
  const table: Record<string, string> = {
    "0.0.0.0:1": "is no address at which a peer can be",
    "127.0.0.1:1": "is no address at which a peer can be",
    "[fe80::1]:1": "is no address at which a peer can be",
    "255.255.255.255:1": "is no address at which a peer can be",
    "192.168.1.255:1": "is the broadcast address of a network of the hub",
    "192.168.1.2:1": "is an address of the hub",
    "100.96.0.77:1": "lies inside the tunnel's own network 100.96.0.0/24",
    "10.2.0.1:1": "lies inside 10.2.0.0/24, a prefix of node n2",
    "10.244.3.9:1": "lies inside 10.244.0.0/16, a network of pods",
  };
  const { ledger } = judge([claim(2, "10.2.0.0/24")]);
  for (const [endpoint, reason] of Object.entries(table)) {
    const judgement = judge(
      [claim(1, "10.1.0.0/24", at(endpoint)), claim(2, "10.2.0.0/24")],
      ledger,
    );
    assertEquals(outcome(judgement), { n1: "10.1.0.0/24", n2: "10.2.0.0/24" }, endpoint);
    assertEquals(reasons(judgement), [`n1 endpoint ${endpoint}: ${reason}`]);
  }
});

Deno.test("admit() judges a name's address, and waits for one that is not resolved", () => {
  assertEquals(outcome(judge([claim(1, "", at("known.example:7"))])), { n1: "@203.0.113.9:7" });
  const waiting = judge([claim(1, "10.1.0.0/24", at("unknown.example:7"))]);
  assertEquals([outcome(waiting), reasons(waiting)], [{ n1: "10.1.0.0/24" }, []]);
  const facts = {
    ...FACTS,
    resolve: ({ port }: Endpoint) => ({ host: "127.0.0.1" as IpAddress, port }),
  };
  const judgement = admit([claim(1, "", at("evil.example:7"))], facts, EMPTY_LEDGER, NO_HOLD);
  assertEquals(outcome(judgement), { n1: "" });
  assertEquals(judgement.refusals.length, 1);
});

Deno.test("admit() gives no newcomer the place at which another peer, or it itself, is reached", () => {
  const reached = claim(5, "10.5.0.0/24", at("10.7.0.7:1"));
  const { ledger } = judge([reached]);
  const thief = claim(1, "10.7.0.0/24 10.1.0.0/24");
  assertEquals(outcome(judge([thief, reached], ledger)), {
    n1: "10.1.0.0/24",
    n5: "10.5.0.0/24 @10.7.0.7:1",
  });
  assertEquals(outcome(judge([claim(1, "10.7.0.7/32", at("10.7.0.7:1"))])), { n1: "@10.7.0.7:1" });
});

Deno.test("admit() gives no newcomer the address of a Node that is no peer", () => {
  const nodes = new Map([["aks-1", cidrs("10.9.0.9/32 fd00:9::9/128")], [
    "n5",
    cidrs("10.5.0.5/32"),
  ]]);
  const facts = { ...FACTS, nodes };
  const judgement = admit(
    [
      claim(1, "10.9.0.0/24 10.1.0.0/24 fd00:9::/64"),
      claim(5, "10.5.0.5/32"),
      claim(6, "10.6.0.6/32"),
    ],
    facts,
    EMPTY_LEDGER,
    NO_HOLD,
  );
  assertEquals(outcome(judgement), { n1: "10.1.0.0/24", n5: "10.5.0.5/32", n6: "10.6.0.6/32" });
  assertEquals(reasons(judgement), [
    "n1 allowed-ips 10.9.0.0/24: covers 10.9.0.9/32, an address of node aks-1, which is no peer",
    "n1 allowed-ips fd00:9::/64: covers fd00:9::9/128, an address of node aks-1, which is no peer",
  ]);
});

Deno.test("admit() lets no Node drive out a holder by an address", () => {
  const { ledger } = judge([claim(5, "10.5.0.0/24")]);
  const facts = { ...FACTS, nodes: new Map([["liar", cidrs("10.5.0.7/32")]]) };
  const judgement = admit([claim(5, "10.5.0.0/24")], facts, ledger, NO_HOLD);
  assertEquals([outcome(judgement), reasons(judgement)], [{ n5: "10.5.0.0/24" }, []]);
});

Deno.test("admit() lets newcomers wait for the addresses of Nodes, and holders go on", () => {
  const { ledger } = judge([claim(5, "10.5.0.0/24")]);
  const claims = [claim(1, "10.1.0.0/24"), claim(5, "10.5.0.0/25 10.6.0.0/24")];
  const waiting = admit(claims, { ...FACTS, nodes: undefined }, ledger, NO_HOLD);
  assertEquals([outcome(waiting), reasons(waiting)], [{ n1: "", n5: "10.5.0.0/25" }, []]);
  const after = admit(claims, FACTS, waiting.ledger, NO_HOLD);
  assertEquals(outcome(after), { n1: "10.1.0.0/24", n5: "10.5.0.0/25 10.6.0.0/24" });
});

Deno.test("admit() lets nobody drive out a holder by an endpoint inside its prefix", () => {
  const { ledger } = judge([claim(5, "10.5.0.0/24")]);
  const judgement = judge([claim(1, "", at("10.5.0.1:1")), claim(5, "10.5.0.0/24")], ledger);
  assertEquals(outcome(judgement), { n1: "", n5: "10.5.0.0/24" });
});

Deno.test("the ledger that is rebuilt from the interface lets the holders keep", () => {
  const claims = [claim(5, "10.1.0.0/24"), claim(6, "10.6.0.0/24"), claim(7, "")];
  const judgement = judge(claims);
  const found = new Map([...judgement.admitted].map(([publicKey, { allowedIPs }]) => [publicKey, {
    publicKey,
    allowedIPs,
    persistentKeepalive: 0,
    lastHandshake: 0,
    rxBytes: 0,
    txBytes: 0,
  }]));
  assertEquals(rebuildLedger(found, claims), judgement.ledger);
  const thief = claim(1, "10.1.0.0/24", { publicKey: arbitrary.keyOf(6) });
  const { admitted } = judge([thief, ...claims], rebuildLedger(found, claims));
  assertEquals(admitted, judgement.admitted);
  assertEquals(rebuildLedger(found, []), EMPTY_LEDGER);
  assertEquals(rebuildLedger(new Map(), claims), EMPTY_LEDGER);
});

Deno.test("admit() takes thousands of claims", () => {
  const many = Array.from({ length: 3000 }, (_, i): Claim => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, i + 1);
    const octets = `${i >> 8}.${i & 255}`;
    return {
      ...claim(
        1,
        `100.80.${octets}/32 172.${16 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) << 4}/28`,
      ),
      node: `n${i}`,
      createdAt: i % 97,
      publicKey: publicKeyFromBytes(bytes),
    };
  });
  const first = judge(many);
  assertEquals([first.admitted.size, first.refusals.length], [3000, 0]);
  assertEquals(first.ledger.prefixes.size, 6000);
  assertEquals(judge(many, first.ledger).admitted, first.admitted);
});
