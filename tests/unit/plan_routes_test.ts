import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseCidr, parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import { planRoutes, wantedDestinations } from "../../lib/tunnel/plan_routes.ts";
import * as arbitrary from "./arbitraries.ts";

const cidrs = (text: string) => text.split(" ").map((one) => parseCidr(one)!);
const addresses = (text: string) => text.split(" ").map((one) => parseInterfaceAddress(one)!);

Deno.test("wantedDestinations() leaves out what the interface's own networks cover", () => {
  const allowed = cidrs(
    "100.96.0.2/32 100.96.0.0/11 10.0.0.0/24 10.0.0.5/32 fd00::2/128 fd01::/64",
  );
  assertEquals(
    wantedDestinations(allowed, addresses("100.96.0.1/12 fd00::1/64")),
    cidrs("100.96.0.0/11 10.0.0.0/24 10.0.0.5/32 fd01::/64"),
  );
  assertEquals(wantedDestinations(allowed, addresses("100.96.0.1/32")), allowed);
});

Deno.test("wantedDestinations() leaves nothing to the interface's network where another interface's route wins over it", () => {
  const allowed = cidrs("100.96.0.2/32 100.96.1.2/32 100.96.1.0/24");
  const own = addresses("100.96.0.1/12");
  const besides = (routes: string) => wantedDestinations(allowed, own, cidrs(routes));
  assertEquals(besides("100.96.0.0/12"), allowed);
  assertEquals(besides("100.96.1.0/25"), cidrs("100.96.1.2/32"));
  assertEquals(besides("100.64.0.0/10 10.0.0.0/8 100.96.1.3/32"), []);
});

Deno.test("wantedDestinations() names each destination once", () => {
  assertEquals(wantedDestinations(cidrs("10.0.0.0/8 10.0.0.0/8"), []), cidrs("10.0.0.0/8"));
});

Deno.test("planRoutes() turns what is there into what is wanted, and touches nothing else", () => {
  const list = fc.uniqueArray(arbitrary.closeCidr);
  fc.assert(fc.property(list, list, (wanted, found) => {
    const { add, remove } = planRoutes(wanted, new Set(found));
    const after = new Set(found);
    for (const cidr of remove) assertEquals(after.delete(cidr), true);
    for (const cidr of add) {
      assertEquals(after.has(cidr), false);
      after.add(cidr);
    }
    assertEquals(after, new Set(wanted));
    assertEquals(planRoutes(wanted, after), { add: [], remove: [] });
  }));
});
