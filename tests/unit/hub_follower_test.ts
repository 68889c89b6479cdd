import { assertEquals } from "@std/assert";
import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
import { isResolved } from "../../lib/ip/endpoint.ts";
import { HubFollower } from "../../lib/reconcile/hub_follower.ts";
import * as arbitrary from "./arbitraries.ts";
import { cidrs } from "./claims.ts";

const KEYS = annotationKeys("wireguard.kube/");
const FACTS = { addresses: [], gateways: [], otherRoutes: [], resolvers: [] };

/** What a spoke is to route to a hub whose Node says that; undefined: as before. And its complaints. */
function follow(allowedIPs: string) {
  const matters: string[] = [];
  const follower = new HubFollower({
    options: { hubPublicKey: undefined, hubAllowedIPs: undefined, persistentKeepalive: 25 },
    keys: KEYS,
    ownKey: arbitrary.keyOf(1),
    names: { resolve: (endpoint) => isResolved(endpoint) ? endpoint : undefined },
    says: {
      matter: (key, text) => {
        if (text) matters.push(key);
      },
      refusals: () => {},
    },
  });
  const node = {
    name: "hub-1",
    uid: "1",
    createdAt: 0,
    labels: { [KEYS.hub]: MARKED },
    annotations: {
      [KEYS.publicKey]: arbitrary.keyOf(2),
      [KEYS.endpoint]: "192.0.2.1:51820",
      [KEYS.allowedIPs]: allowedIPs,
    },
  };
  const peers = follower.peers([node], FACTS, undefined, 0);
  return { prefixes: peers?.get(arbitrary.keyOf(2))?.allowedIPs, matters };
}

Deno.test("a spoke takes of the hub's prefixes those that it can use", () => {
  const taken = { prefixes: cidrs("100.96.0.0/12"), matters: [] };
  assertEquals(follow("100.96.0.0/12"), taken);
  assertEquals(follow("100.96.0.0/12,garbage,0.0.0.0/0"), taken);
  assertEquals(follow(""), { prefixes: [], matters: [] }, "the hub wants nothing");
});

Deno.test("a spoke keeps what it has while its hub names nothing but what cannot be used", () => {
  for (const text of ["garbage", "100.96.0.0/33", "0.0.0.0/0", "x,::/0"]) {
    assertEquals(follow(text), { prefixes: undefined, matters: ["hub's prefixes"] }, text);
  }
});
