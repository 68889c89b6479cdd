/** What is kept for Nodes that have gone, and what packets tell of where peers are. */
import { assertEquals } from "@std/assert";
import { parseEndpoint, type ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import { admit, type Judgement } from "../../lib/contract/admission.ts";
import { EMPTY_LEDGER } from "../../lib/contract/ledger.ts";
import { firstLedger } from "../../lib/contract/rebuild_ledger.ts";
import { wantedPeers } from "../../lib/contract/wanted_peers.ts";
import { keyOf } from "./arbitraries.ts";
import { at, cidrs, claim, FACTS, judge, NO_HOLD } from "./claims.ts";

const NOW = 1_000_000;
const held = (now: number) => ({ now, holdMs: 600_000 });

/** Who got what, and why not, as text. */
const shown = ({ admitted, refusals }: Judgement) => [
  ...[...admitted.values()].map(({ node, allowedIPs }) => `${node} ${allowedIPs.join(" ")}`),
  ...refusals.map(({ node, value, reason }) => `${node} ${value} ${reason}`),
];

const HELD = claim(5, "10.5.0.0/24");
const WISHED = claim(1, "10.5.0.0/25 10.1.0.0/24");
const KEPT =
  "n1 10.5.0.0/25 overlaps 10.5.0.0/24, which is kept for node n5, which has only just gone";

Deno.test("a prefix is kept for its Node for the hold time after it has gone, and no longer", () => {
  const first = judge([HELD], EMPTY_LEDGER, held(NOW));
  const gone = judge([WISHED], first.ledger, held(NOW + 1));
  assertEquals(shown(gone), ["n1 10.1.0.0/24", KEPT]);
  assertEquals(gone.ledger.released, new Map([["n5", NOW + 1]]));
  const still = judge([WISHED], gone.ledger, held(NOW + 600_000));
  assertEquals(shown(still), ["n1 10.1.0.0/24", KEPT]);
  const over = judge([WISHED], still.ledger, held(NOW + 600_001));
  assertEquals(shown(over), ["n1 10.1.0.0/24 10.5.0.0/25"]);
  assertEquals(over.ledger.released, new Map());
});

Deno.test("a Node that is back in time has its prefix again, and its time begins anew", () => {
  const gone = judge([WISHED], judge([HELD]).ledger, held(NOW));
  const back = judge([WISHED, HELD], gone.ledger, held(NOW + 599_999));
  assertEquals(shown(back), [
    "n1 10.1.0.0/24",
    "n5 10.5.0.0/24",
    "n1 10.5.0.0/25 overlaps 10.5.0.0/24, which node n5 holds",
  ]);
  const again = judge([WISHED], back.ledger, held(NOW + 700_000));
  assertEquals(again.ledger.released, new Map([["n5", NOW + 700_000]]));
});

Deno.test("with a hold of 0 a prefix is free as soon as its Node has gone", () => {
  assertEquals(shown(judge([WISHED], judge([HELD]).ledger)), ["n1 10.1.0.0/24 10.5.0.0/25"]);
});

Deno.test("a clock that goes back keeps nothing for longer than the hold", () => {
  const gone = judge([WISHED], judge([HELD]).ledger, held(NOW));
  const early = judge([WISHED], gone.ledger, held(NOW - 500_000));
  assertEquals(early.ledger.released, new Map([["n5", NOW - 500_000]]));
});

Deno.test("a Node without a key for a moment has no peer, but its prefix and its key are kept", () => {
  const first = judge([HELD], EMPTY_LEDGER, held(NOW));
  const { publicKey: key, ...keyless } = HELD;
  const thief = claim(1, "", { publicKey: key! });
  const judgement = judge([keyless, WISHED, { ...thief, node: "n0" }], first.ledger, held(NOW));
  assertEquals(shown(judgement), [
    "n1 10.1.0.0/24",
    `n0 ${key} is kept for node n5, which has only just gone`,
    KEPT,
  ]);
  const back = judge([HELD, WISHED], judgement.ledger, held(NOW + 1));
  assertEquals(back.admitted.get(key!)?.allowedIPs, cidrs("10.5.0.0/24"));
});

Deno.test("a Node that changes its key frees the old one at once", () => {
  const first = judge([HELD], EMPTY_LEDGER, held(NOW));
  const renewed = claim(5, "10.5.0.0/24", { publicKey: keyOf(50) });
  const heir = claim(1, "", { publicKey: keyOf(5) });
  const judgement = judge([renewed, heir], first.ledger, held(NOW));
  assertEquals(shown(judgement), ["n1 ", "n5 10.5.0.0/24"]);
});

Deno.test("a Node that does not say (yet) what it wants keeps what it has", () => {
  const first = judge([HELD], EMPTY_LEDGER, held(NOW));
  const { allowedIPs: _, ...silent } = HELD;
  assertEquals(shown(judge([silent, WISHED], first.ledger, NO_HOLD)), [
    "n1 10.1.0.0/24",
    "n5 10.5.0.0/24",
    "n1 10.5.0.0/25 overlaps 10.5.0.0/24, which node n5 holds",
  ]);
  assertEquals(shown(judge([silent], EMPTY_LEDGER)), ["n5 "]);
});

const peer = { persistentKeepalive: 0, lastHandshake: 0, rxBytes: 0, txBytes: 0 };
const device = {
  name: "wg0",
  listenPort: 1,
  fwmark: 0,
  peers: new Map([[5, "10.5.0.0/24"], [6, "10.6.0.0/24"]].map(([number, text]) => {
    const publicKey = keyOf(Number(number));
    return [publicKey, { ...peer, publicKey, allowedIPs: cidrs(String(text)) }];
  })),
};

Deno.test("the first ledger is what was saved, and what the interface shows", () => {
  const claims = [HELD, claim(6, "10.6.0.0/24")];
  const shown = judge(claims).ledger;
  assertEquals(firstLedger(undefined, device, claims), shown);
  assertEquals(firstLedger(undefined, undefined, claims), EMPTY_LEDGER);
  const saved = judge([claim(7, "10.5.0.0/24 10.7.0.0/24")]).ledger;
  const { prefixes, keys } = firstLedger(saved, device, claims);
  assertEquals(Object.fromEntries(prefixes), {
    "10.5.0.0/24": "n5", // the last save had failed
    "10.6.0.0/24": "n6",
    "10.7.0.0/24": "n7",
  });
  assertEquals([...keys.values()].sort(), ["n5", "n6", "n7"]);
});

Deno.test("an older Node that says another's key during a restart gets nothing of what that has", () => {
  const thief = { ...claim(0, "10.5.0.0/24"), publicKey: keyOf(5) };
  const saved = judge([HELD]).ledger;
  const first = firstLedger(saved, device, [thief, HELD]);
  const { admitted } = judge([thief, HELD], first);
  assertEquals([...admitted.values()].map(({ node }) => node), ["n5"]);
});

const seen = (number: number, text: string) => ({
  ...FACTS,
  learned: new Map([[keyOf(number), parseEndpoint(text) as ResolvedEndpoint]]),
});

Deno.test("no newcomer is given the place at which a peer has been seen", () => {
  const known = claim(5, "10.5.0.0/24");
  const { ledger } = judge([known]);
  const judgement = admit([known, claim(1, "10.7.0.0/24")], seen(5, "10.7.0.7:9"), ledger, NO_HOLD);
  assertEquals(shown(judgement), [
    "n1 ",
    "n5 10.5.0.0/24",
    "n1 10.7.0.0/24 covers the endpoint 10.7.0.7/32 of node n5",
  ]);
});

Deno.test("packets from inside a holder's prefix do not take it from the holder", () => {
  const claims = [claim(1, ""), claim(5, "10.5.0.0/24")];
  const judgement = admit(claims, seen(1, "10.5.0.1:9"), judge(claims).ledger, NO_HOLD);
  assertEquals(shown(judgement), [
    "n1 ",
    "n5 10.5.0.0/24",
    "n1 10.5.0.1:9 is where its packets come from, but lies inside 10.5.0.0/24, a prefix of node n5",
  ]);
});

Deno.test("a peer that has strayed to where none can be goes back to what its Node says", () => {
  const strays: Record<string, boolean> = {
    "192.0.2.9:9": false,
    "100.96.0.77:9": true, // the tunnel's own network
    "10.5.0.1:9": true, // another's prefix
    "10.1.0.1:9": true, // its own
    "127.0.0.1:9": true,
  };
  const claims = [claim(1, "10.1.0.0/24", at("192.0.2.1:1")), claim(5, "10.5.0.0/24")];
  const { ledger } = judge(claims);
  for (const [text, strayed] of Object.entries(strays)) {
    const { admitted, refusals } = admit(claims, seen(1, text), ledger, NO_HOLD);
    assertEquals(refusals, [], "what its Node says is right");
    assertEquals(wantedPeers(admitted).get(keyOf(1)), {
      publicKey: keyOf(1),
      endpoint: parseEndpoint("192.0.2.1:1") as ResolvedEndpoint,
      ...(strayed && { strayed }),
      persistentKeepalive: 0,
      allowedIPs: cidrs("10.1.0.0/24"),
    }, text);
  }
});
