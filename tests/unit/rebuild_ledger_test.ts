import { assertEquals } from "@std/assert";
import { EMPTY_LEDGER, type Ledger } from "../../lib/contract/ledger.ts";
import { firstLedger, rebuildLedger } from "../../lib/contract/rebuild_ledger.ts";
import type { Device, Peer } from "../../lib/wireguard/device.ts";
import type { PublicKey } from "../../lib/wireguard/key.ts";
import * as arbitrary from "./arbitraries.ts";
import { cidrs, claim } from "./claims.ts";

/** Peers with the keys of those numbers, and their prefixes. */
function peersOf(prefixes: Record<number, string>): Map<PublicKey, Peer> {
  const unknown = { persistentKeepalive: 0, lastHandshake: 0, rxBytes: 0, txBytes: 0 };
  return new Map(
    Object.entries(prefixes).map(([number, text]) => {
      const publicKey = arbitrary.keyOf(Number(number));
      return [publicKey, { publicKey, allowedIPs: cidrs(text), ...unknown }];
    }),
  );
}

const deviceOf = (prefixes: Record<number, string>): Device => ({
  name: "wg0",
  listenPort: 1,
  fwmark: 0,
  peers: peersOf(prefixes),
});

const holders = ({ prefixes }: Ledger) => Object.fromEntries(prefixes);

Deno.test("firstLedger() drops what was saved and is another Node's by now", () => {
  const saved = {
    ...EMPTY_LEDGER,
    prefixes: new Map([...cidrs("10.2.0.0/24").map((cidr) => [cidr, "n3"] as const)]),
    keys: new Map([[arbitrary.keyOf(3), "n3"], [arbitrary.keyOf(6), "n6"]]),
  };
  // n3 gave it up and n6 got a part of it; the program was killed before that was saved.
  const found = deviceOf({ 3: "10.3.0.0/24", 6: "10.2.0.7/32" });
  const claims = [claim(3, "10.2.0.0/24"), claim(6, "10.2.0.7/32")];
  assertEquals(holders(firstLedger(saved, found, claims)), {
    "10.3.0.0/24": "n3",
    "10.2.0.7/32": "n6",
  });
});

Deno.test("firstLedger() keeps what was saved and nobody else has", () => {
  const saved = {
    ...EMPTY_LEDGER,
    prefixes: new Map([...cidrs("10.2.0.0/24").map((cidr) => [cidr, "n3"] as const)]),
  };
  const claims = [claim(3, "10.2.0.0/24"), claim(6, "10.4.0.0/16")];
  const first = firstLedger(saved, deviceOf({ 3: "10.2.0.0/25", 6: "10.4.0.0/16" }), claims);
  assertEquals(holders(first), {
    "10.2.0.0/24": "n3",
    "10.2.0.0/25": "n3",
    "10.4.0.0/16": "n6",
  });
});

Deno.test("rebuildLedger() believes one who asks for what the peer has before an older one", () => {
  const thief = claim(1, "10.9.0.0/24", { publicKey: arbitrary.keyOf(6) });
  const owner = claim(6, "10.2.0.7/32");
  for (const claims of [[thief, owner], [owner, thief]]) {
    assertEquals(holders(rebuildLedger(peersOf({ 6: "10.2.0.7/32" }), claims)), {
      "10.2.0.7/32": "n6",
    });
  }
});

Deno.test("rebuildLedger() knows that a Node with another key has given its last one up", () => {
  const known = new Map([[arbitrary.keyOf(7), "n6"]]);
  const peers = peersOf({ 7: "10.9.0.4/32" });
  const whose = (claims: Parameters<typeof rebuildLedger>[1]) =>
    holders(rebuildLedger(peers, claims, known))["10.9.0.4/32"];
  const next = claim(7, "10.9.0.4/32");
  assertEquals(whose([claim(6, "10.9.0.6/32"), next]), "n7");
  assertEquals(whose([claim(6, "10.9.0.6/32", { publicKey: arbitrary.keyOf(7) }), next]), "n6");
  assertEquals(whose([next]), "n6", "it has gone, and what it had is kept for it");
  assertEquals(whose([claim(6, "10.9.0.6/32")]), "n6", "nobody else wants it");
});
