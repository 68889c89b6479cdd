import { assertEquals, assertMatch } from "@std/assert";
import { HubReach } from "../../lib/contract/hub_reach.ts";
import { parseAddress } from "../../lib/ip/address.ts";
import { parseCidr } from "../../lib/ip/cidr.ts";

const cidrs = (...texts: string[]) => texts.map((text) => parseCidr(text)!);
const peersWith = (...texts: string[]) => cidrs(...texts).map((cidr) => ({ allowedIPs: [cidr] }));
const addresses = (...texts: string[]) => texts.map((text) => parseAddress(text)!);

Deno.test("a hub whose allowed-ips hold its InternalIPs and its peers lacks nothing", () => {
  const allowed = cidrs("100.96.0.0/12", "10.0.0.0/16", "fd00::/64");
  const reach = new HubReach(allowed);
  const peers = peersWith("100.96.0.2/32", "100.97.0.0/16");
  assertEquals(reach.gap(addresses("10.0.0.4", "fd00::4"), peers), undefined);
  assertEquals(reach.gap([], []), undefined);
  assertMatch(reach.gap([], [...peers, ...peersWith("10.1.0.0/16")]) ?? "", /prefixes of peers/);
  assertEquals(reach.gap([], peers), undefined);
});

Deno.test("a hub is told which of its InternalIPs spokes will not reach, and that peers lack others", () => {
  const allowed = cidrs("100.96.0.1/32");
  const both = new HubReach(allowed).gap(addresses("10.0.0.4"), peersWith("100.96.0.2/32"))!;
  assertMatch(
    both,
    /lacks the hub's InternalIP 10\.0\.0\.4\/32 and prefixes of peers: .*--allowed-ips/,
  );
  const one = new HubReach(allowed).gap(addresses("10.0.0.4"), peersWith("100.96.0.1/32"))!;
  assertMatch(one, /lacks the hub's InternalIP 10\.0\.0\.4\/32: /);
});
