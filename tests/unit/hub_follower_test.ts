import { assertEquals } from "@std/assert";
import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
import { isResolved } from "../../lib/ip/endpoint.ts";
import { HubFollower, type HubOptions } from "../../lib/reconcile/hub_follower.ts";
import * as arbitrary from "./arbitraries.ts";
import { cidrs } from "./claims.ts";

const KEYS = annotationKeys("wireguard.kube/");
const FACTS = { addresses: [], gateways: [], otherRoutes: [], resolvers: [] };

/** A follower with these options, and what it complains of. */
function followerOf(options: Partial<HubOptions> = {}) {
  const matters: string[] = [];
  const follower = new HubFollower({
    options: {
      hubPublicKey: undefined,
      hubAllowedIPs: undefined,
      persistentKeepalive: 25,
      ...options,
    },
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
  return { follower, matters };
}

const hubNode = (allowedIPs: string, endpoint = "192.0.2.1:51820") => ({
  name: "hub-1",
  uid: "1",
  createdAt: 0,
  labels: { [KEYS.hub]: MARKED },
  annotations: {
    [KEYS.publicKey]: arbitrary.keyOf(2),
    [KEYS.endpoint]: endpoint,
    [KEYS.allowedIPs]: allowedIPs,
  },
});

/** What a spoke is to route to a hub whose Node says that; undefined: as before. And its complaints. */
function follow(allowedIPs: string) {
  const { follower, matters } = followerOf();
  const peers = follower.peers([hubNode(allowedIPs)], FACTS, undefined, 0);
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

Deno.test("a hub that is known by a name needs name servers, also before the name has an address", () => {
  const { follower } = followerOf();
  assertEquals(follower.needsNames, false);
  follower.peers([hubNode("100.96.0.0/12", "hub.example:51820")], FACTS, undefined, 0);
  assertEquals(follower.needsNames, true);
  follower.peers([hubNode("100.96.0.0/12")], FACTS, undefined, 0);
  assertEquals(follower.needsNames, false);
});
