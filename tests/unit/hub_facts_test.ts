import { assertEquals } from "@std/assert";
import { admit } from "../../lib/contract/admission.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { peerClaimOf } from "../../lib/contract/claim.ts";
import { EMPTY_LEDGER } from "../../lib/contract/ledger.ts";
import type { LocalFacts } from "../../lib/contract/local_facts.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { hubFacts } from "../../lib/hub/hub_facts.ts";
import { keyOf } from "./arbitraries.ts";
import { cidrs, claim, NO_HOLD } from "./claims.ts";

const KEYS = annotationKeys("wireguard.kube/");

const SURROUNDINGS = {
  addresses: [],
  routes: [],
  connected: [],
  podRoutes: [],
  gateways: [],
};

Deno.test("hubFacts() adds the addresses of hubs, which may be labelled as peers, too", () => {
  const hubOf = (name: string, ...internalIPs: string[]): NodeView => ({
    name,
    uid: name,
    createdAt: 0,
    labels: { [KEYS.hub]: "true", [KEYS.peer]: "true" },
    annotations: { [KEYS.publicKey]: keyOf(7), [KEYS.allowedIPs]: internalIPs.join() },
    status: { internalIPs: internalIPs as IpAddress[], externalIPs: [], ready: true },
  });
  const other = hubOf("hub-2", "10.0.0.8", "fd00::8");
  const factsOf = (nodes: LocalFacts["nodes"]) =>
    hubFacts(SURROUNDINGS, { address: [], peerCidrs: cidrs("10.0.0.0/8") }, {
      ownKey: keyOf(9),
      device: undefined,
      neighbours: [],
      nodes,
      hubs: [hubOf("hub-1", "10.0.0.7"), other],
      ownNode: undefined,
      resolve: () => undefined,
    });
  assertEquals(factsOf(undefined).nodes, undefined, "the rest is not known yet");
  const facts = factsOf(new Map([["aks-1", cidrs("10.0.0.70/32")]]));
  assertEquals(
    facts.nodes,
    new Map([
      ["aks-1", cidrs("10.0.0.70/32")],
      ["hub-1", cidrs("10.0.0.7/32")],
      ["hub-2", cidrs("10.0.0.8/32 fd00::8/128")],
    ]),
  );
  const claims = [peerClaimOf(other, KEYS), claim(1, "10.0.0.8/32")];
  const { ledger, refusals } = admit(claims, facts, EMPTY_LEDGER, NO_HOLD);
  assertEquals(ledger.prefixes.size, 0);
  assertEquals(refusals.map(({ node, code }) => `${node} ${code}`), ["hub-2 hub", "n1 node"]);
});

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
    hubs: [],
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
