import { assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import { hubFacts } from "../../lib/reconcile/hub_facts.ts";
import { keyOf } from "./arbitraries.ts";
import { cidrs } from "./claims.ts";

Deno.test("hubFacts() knows pods' networks from options, the own Node and routes", () => {
  const surroundings = {
    addresses: ["192.0.2.1"] as IpAddress[],
    routes: cidrs("10.250.0.0/16 192.0.2.0/24"),
    connected: cidrs("192.0.2.0/24"),
    podRoutes: cidrs("10.244.1.0/24"),
    gateways: ["192.0.2.254"] as IpAddress[],
  };
  const options = {
    address: [{ address: "100.96.0.1" as IpAddress, prefixLength: 12 }],
    peerCidrs: cidrs("10.0.0.0/8"),
    podCidrs: cidrs("10.250.0.0/16"),
  };
  const facts = hubFacts(surroundings, options, {
    ownKey: keyOf(1),
    device: undefined,
    neighbours: ["198.51.100.6"] as IpAddress[],
    nodes: undefined,
    ownNode: { podCidrs: cidrs("10.244.0.0/24") },
    resolve: () => undefined,
  });
  assertEquals(facts.podNetworks, cidrs("10.250.0.0/16 10.244.0.0/24 10.244.1.0/24"));
  assertEquals<unknown>(facts.ownAddresses, ["192.0.2.1", "100.96.0.1"]);
  assertEquals<unknown>(facts.neighbours, ["192.0.2.254", "198.51.100.6"]);
  assertEquals(facts.otherRoutes, cidrs("10.250.0.0/16 192.0.2.0/24"));
  assertEquals(facts.connected, cidrs("192.0.2.0/24"));
  assertEquals(facts.tunnelNetworks, cidrs("100.96.0.0/12"));
});
