import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { addressFromBytes } from "../../lib/ip/address.ts";
import { type Cidr, networkOf } from "../../lib/ip/cidr.ts";
import { decodeAssignedAddress, newAddress } from "../../lib/netlink/addresses.ts";
import { decodeLink } from "../../lib/netlink/links.ts";
import { decodeRoute, newRoute, type Route } from "../../lib/netlink/routes.ts";
import { decodeRule, newRule, type Rule } from "../../lib/netlink/rules.ts";
import { SystemError } from "../../lib/netlink/system_error.ts";
import { GOLDEN, told } from "./rtnetlink_requests.ts";

const anyBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const anyAddress = (family: 4 | 6) => anyBytes(family === 4 ? 4 : 16).map(addressFromBytes);
const anyCidr = (family: 4 | 6): fc.Arbitrary<Cidr> =>
  fc.tuple(anyAddress(family), fc.nat(family === 4 ? 32 : 128))
    .map(([address, prefixLength]) => networkOf({ address, prefixLength }));
const anyFamily = fc.constantFrom<4 | 6>(4, 6);
const u32 = fc.nat(0xffff_ffff);

Deno.test("an address that is written is read back the same", () => {
  fc.assert(fc.property(anyFamily.chain(anyAddress), fc.nat(32), u32, (address, length, index) => {
    const written = { address, prefixLength: length };
    const read = decodeAssignedAddress(told(newAddress(index, written)));
    assertEquals(read, { ...written, interfaceIndex: index });
  }));
});

const anyRoute = anyFamily.chain((family): fc.Arbitrary<Route> =>
  fc.record({
    destination: anyCidr(family),
    table: u32,
    protocol: fc.nat(255),
    scope: fc.nat(255),
    type: fc.nat(255),
    interfaceIndex: u32,
    gateway: anyAddress(family),
    preferredSource: anyAddress(family),
    priority: u32,
  }, { requiredKeys: ["destination", "table", "protocol", "scope", "type"] })
);

Deno.test("a route that is written is read back the same", () => {
  fc.assert(fc.property(anyRoute, (route) => {
    assertEquals(decodeRoute(told(newRoute(route))), route);
  }));
});

const anyRule = anyFamily.chain((family): fc.Arbitrary<Rule> =>
  fc.record({
    family: fc.constant(family),
    priority: u32,
    table: u32,
    protocol: fc.nat(255),
    mark: u32,
    mask: fc.nat(0xffff_fffe),
    from: anyCidr(family),
    to: anyCidr(family),
    iif: fc.constantFrom("lo", "wg0", "a-name-so-long."),
    oif: fc.constantFrom("lo", "wg0", "a-name-so-long."),
    ipProtocol: fc.nat(255),
    destinationPort: fc.nat(0xffff),
    inverted: fc.constant(true),
    suppressPrefixLength: fc.nat(128),
    action: fc.integer({ min: 2, max: 255 }),
  }, { requiredKeys: ["family", "priority", "table", "protocol"] })
);

Deno.test("a rule that is written is read back the same", () => {
  fc.assert(fc.property(anyRule, (rule) => {
    assertEquals(decodeRule(told(newRule(rule))), rule);
  }));
});

Deno.test("whatever bytes a message has, reading it gives a thing or a SystemError", () => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(...GOLDEN.map(({ ours }) => ours.body)).chain((body) =>
      fc.tuple(fc.nat(body.length), fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255))))
        .map(([cut, changes]) => {
          const mutated = body.slice(0, cut);
          for (const [at, value] of changes) if (at < cut) mutated[at] = value;
          return mutated;
        })
    ),
  );
  const decoders = { 16: decodeLink, 20: decodeAssignedAddress, 24: decodeRoute, 32: decodeRule };
  fc.assert(
    fc.property(bodies, (body) => {
      for (const [type, decode] of Object.entries(decoders)) {
        try {
          decode({ type: Number(type), flags: 0, sequence: 0, portId: 0, body });
        } catch (error) {
          if (!(error instanceof SystemError)) throw error;
        }
      }
    }),
    { numRuns: 3000 },
  );
});
