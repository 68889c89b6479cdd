import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Cidr, cidrContains, cidrsOverlap } from "../../lib/ip/cidr.ts";
import { DisjointCidrs, spanOf, spansOf } from "../../lib/contract/disjoint_cidrs.ts";
import * as arbitrary from "./arbitraries.ts";

const asked = fc.array(fc.tuple(arbitrary.closeCidr, fc.constantFrom("a", "b", "c")));

Deno.test("DisjointCidrs takes what overlaps no other owner's, as comparing one by one would", () => {
  fc.assert(fc.property(asked, arbitrary.closeCidr, (asked, question) => {
    const set = new DisjointCidrs<string>();
    const taken: [Cidr, string][] = [];
    for (const [cidr, owner] of asked) {
      const rivals = taken.filter(([held, holder]) => holder !== owner && cidrsOverlap(held, cidr));
      const found = set.add(spanOf(cidr), owner);
      assertEquals(found === undefined, rivals.length === 0);
      if (found) {
        assert(rivals.some(([held, holder]) => held === found.span.cidr && holder === found.owner));
      } else taken.push([cidr, owner]);
    }
    const maximal = taken.filter(([cidr]) =>
      !taken.some(([wider]) => wider !== cidr && cidrContains(wider, cidr))
    );
    const expected = [...new Set(maximal.map(([cidr, owner]) => `${owner} ${cidr}`))].sort();
    const kept = [...set.byOwner()].flatMap(([owner, cidrs]) =>
      cidrs.map((cidr) => `${owner} ${cidr}`)
    );
    assertEquals(kept.sort(), expected);
    const overlapping = set.overlapping(spanOf(question));
    assertEquals(overlapping !== undefined, taken.some(([cidr]) => cidrsOverlap(cidr, question)));
    if (overlapping) assert(cidrsOverlap(overlapping.span.cidr, question));
  }));
});

Deno.test("DisjointCidrs keeps the families apart", () => {
  const set = new DisjointCidrs<string>();
  set.add(spanOf("0.0.0.0/0" as Cidr), "a");
  assertEquals(set.add(spanOf("::/0" as Cidr), "b"), undefined);
  assertEquals(set.overlapping(spanOf("::ffff:a00:1/128" as Cidr))?.owner, "b");
});

Deno.test("spansOf() computes the spans of a list once", () => {
  const list = ["10.0.0.0/8", "fd00::/64"] as Cidr[];
  assertEquals(spansOf(list), list.map(spanOf));
  assert(spansOf(list) === spansOf(list));
});
