import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { EMPTY_LEDGER, type Ledger } from "../../lib/contract/ledger.ts";
import { parseLedger, printLedger } from "../../lib/contract/ledger_text.ts";
import * as arbitrary from "./arbitraries.ts";

const node = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/);
const ledger: fc.Arbitrary<Ledger> = fc.record({
  prefixes: fc.array(fc.tuple(arbitrary.cidr, node)).map((list) => new Map(list)),
  keys: fc.array(fc.tuple(fc.nat(255).map(arbitrary.keyOf), node)).map((list) => new Map(list)),
  released: fc.array(fc.tuple(node, fc.nat())).map((list) => new Map(list)),
  asMembers: fc.array(fc.tuple(arbitrary.cidr, node)).map((list) => new Map(list)),
});

Deno.test("parseLedger() reads what printLedger() prints", () => {
  fc.assert(fc.property(ledger, (ledger) => {
    assertEquals(parseLedger(printLedger(ledger)), ledger);
  }));
});

Deno.test("parseLedger() reads what a program has printed that knew no members", () => {
  const text = printLedger(EMPTY_LEDGER).replace(/,\s*"asMembers": {}/, "");
  assertEquals(text.includes("asMembers"), false);
  assertEquals(parseLedger(text), EMPTY_LEDGER);
});

Deno.test("parseLedger() takes nothing that is damaged, and never throws", () => {
  const text = printLedger(EMPTY_LEDGER);
  const table = [
    "",
    "null",
    "[]",
    "{}",
    text.slice(0, -3),
    text.replace('"version": 1', '"version": 2'),
    text.replace('"prefixes": {}', '"prefixes": []'),
    text.replace('"prefixes": {}', '"prefixes": {"10.0.0.1/24": "n1"}'),
    text.replace('"prefixes": {}', '"prefixes": {"10.0.0.0/24": "N 1"}'),
    text.replace('"prefixes": {}', '"prefixes": {"10.0.0.0/24": 1}'),
    text.replace('"keys": {}', '"keys": {"short": "n1"}'),
    text.replace('"released": {}', '"released": {"n1": "soon"}'),
    text.replace('"released": {}', '"released": {"n1": -1}'),
  ];
  for (const damaged of table) assertEquals(parseLedger(damaged), undefined, damaged);
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
    assertEquals(parseLedger(text), undefined);
  }));
});
