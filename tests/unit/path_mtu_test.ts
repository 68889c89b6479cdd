import { assertEquals, assertMatch } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Link } from "../../lib/netlink/links.ts";
import type { LookUp, Route } from "../../lib/netlink/routes.ts";
import type { PublicKey } from "../../lib/wireguard/key.ts";
import { narrowest, narrowPath, pathMtus } from "../../lib/tunnel/path_mtu.ts";

const HUB = "203.0.113.1" as IpAddress;
const HUB6 = "2001:db8::1" as IpAddress;
const LINKS: Link[] = [
  { index: 2, name: "eth0", mtu: 9000, up: true },
  { index: 3, name: "wg0", mtu: 1420, up: true },
];

const ENDPOINT = { host: HUB, port: 51820 };
const PEERS = new Map(
  ["a", "b"].map((key) => [key as PublicKey, { endpoint: ENDPOINT }]),
).set("c" as PublicKey, {} as { endpoint: typeof ENDPOINT });

/** A network that answers look-ups of routes so. */
function network(answer: Partial<Route> | undefined, configured?: Partial<Route>) {
  const whole = (route: Partial<Route>) => ({ interfaceIndex: 2, ...route }) as Route;
  return {
    links: () => LINKS,
    routeTo: (_address: IpAddress, how: LookUp = {}): Route | undefined => {
      assertEquals(how.mark, 0x10);
      const route = how.configured ? configured : answer;
      return route && whole(route);
    },
  };
}

Deno.test("the way to a peer carries what its route says, else what its interface does", () => {
  const of = (answer: Partial<Route> | undefined, configured?: Partial<Route>) =>
    pathMtus(network(answer, configured), "wg0", PEERS)
      .map(({ mtu, learned }) => [mtu, learned]);
  assertEquals(of({}), [[9000, undefined]]);
  assertEquals(of({ mtu: 1400 }), [[1400, undefined]]);
  assertEquals(of({ mtu: 1300, isLearned: true }, {}), [[9000, 1300]]);
  assertEquals(of({ mtu: 1300, isLearned: true }, { mtu: 1400 }), [[1400, 1300]]);
  assertEquals(narrowest([]), undefined);
  assertEquals(narrowest([{ address: HUB, mtu: 1500 }, { address: HUB6, mtu: 1400 }]), 1400);
  assertEquals(of(undefined), [], "no way");
  assertEquals(of({ interfaceIndex: 3 }), [], "the way is in the tunnel, still");
});

Deno.test("a way that is narrower than the tunnel's packets is told of, with the MTU that fits", () => {
  const of = (address: IpAddress, learned: number | undefined, mtu: number) =>
    narrowPath([{ address, mtu: 1500, ...(learned !== undefined && { learned }) }], mtu);
  assertEquals(of(HUB, undefined, 1420), undefined);
  assertEquals(of(HUB, 1480, 1420), undefined);
  assertMatch(of(HUB, 1479, 1420)!, /203\.0\.113\.1 carries 1479 .* WG_MTU to 1419,/);
  assertMatch(of(HUB6, 1480, 1420)!, /WG_MTU to 1400,/);
  assertEquals(of(HUB6, 1480, 1400), undefined);
});
