import { assertEquals } from "@std/assert";
import { parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import { type FoundInterface, OUR_ALIAS, planInterface } from "../../lib/tunnel/plan_interface.ts";

const addresses = (text: string) =>
  text.split(" ").filter(Boolean).map((one) => parseInterfaceAddress(one)!);

const wanted = { addresses: addresses("100.96.0.1/32 fd00::1/128"), mtu: 1420 };
const FOUND: FoundInterface = { ...wanted, up: true, alias: OUR_ALIAS };
const NONE = { replaceAddresses: [], addAddresses: [], removeAddresses: [] };

const plan = (found: Partial<FoundInterface>) => planInterface(wanted, { ...FOUND, ...found });

Deno.test("planInterface() has nothing to do where all is as wanted", () => {
  assertEquals(plan({}), undefined);
  assertEquals(plan({ addresses: addresses("fd00::1/128 100.96.0.1/32") }), undefined, "the order");
});

Deno.test("planInterface() changes only what differs", () => {
  assertEquals(plan({ mtu: 1500 }), { ...NONE, mtu: 1420 });
  assertEquals(plan({ up: false }), { ...NONE, up: true });
  assertEquals(plan({ alias: "other" }), { ...NONE, alias: OUR_ALIAS });
});

Deno.test("planInterface() sets up an interface that was just made", () => {
  assertEquals(planInterface(wanted, { addresses: [], mtu: 1420, up: false }), {
    ...NONE,
    addAddresses: wanted.addresses,
    up: true,
    alias: OUR_ALIAS,
  });
});

Deno.test("planInterface() adds and removes addresses, their lengths being part of them", () => {
  assertEquals(plan({ addresses: addresses("100.96.0.1/12 fd00::1/128 10.0.0.1/8") }), {
    ...NONE,
    addAddresses: addresses("100.96.0.1/32"),
    removeAddresses: addresses("100.96.0.1/12 10.0.0.1/8"),
  });
});

Deno.test("planInterface() takes an IPv6 address away first where only its length is another", () => {
  assertEquals(plan({ addresses: addresses("100.96.0.1/32 fd00::1/64") }), {
    ...NONE,
    replaceAddresses: addresses("fd00::1/64"),
    addAddresses: addresses("fd00::1/128"),
  });
});

Deno.test("planInterface() leaves link-local addresses to the kernel, but gives those wanted", () => {
  const own = addresses("100.96.0.1/32 fd00::1/128 fe80::5/64");
  assertEquals(plan({ addresses: own }), undefined);
  assertEquals(planInterface({ ...wanted, addresses: own }, FOUND), {
    ...NONE,
    addAddresses: addresses("fe80::5/64"),
  });
});
