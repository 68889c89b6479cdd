import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { claimOf } from "../../lib/contract/claim.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { planPublication, type Publication } from "../../lib/contract/publication.ts";
import * as arbitrary from "./arbitraries.ts";

const keys = annotationKeys("p/");
const KEY = arbitrary.keyOf(1);

const node = (
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): NodeView => ({ name: "n", uid: "u", createdAt: 0, labels, annotations });

const WANTED: Publication = {
  role: "peer",
  publicKey: KEY,
  endpoint: { host: "2001:db8::1", port: 51820 },
  allowedIPs: ["100.96.0.2/32", "fd00::/64"] as Cidr[],
};

const ANNOTATIONS = {
  "p/public-key": KEY,
  "p/endpoint": "[2001:db8::1]:51820",
  "p/allowed-ips": "100.96.0.2/32,fd00::/64",
};

Deno.test("planPublication() sets the label first and alone, then the annotations", () => {
  assertEquals(planPublication(node({}, {}), WANTED, keys), [
    { labels: { "p/peer": "true" } },
    { annotations: ANNOTATIONS },
  ]);
  assertEquals(planPublication(node({ "p/peer": "false" }, ANNOTATIONS), WANTED, keys), [
    { labels: { "p/peer": "true" } },
  ]);
  const [label] = planPublication(node({ "p/peer": "true" }, {}), { ...WANTED, role: "hub" }, keys);
  assertEquals(label, { labels: { "p/hub": "true" } });
});

Deno.test("planPublication() patches only what differs", () => {
  const labelled = { "p/peer": "true", other: "x" };
  const plan = (annotations: Readonly<Record<string, string>>) =>
    planPublication(node(labelled, annotations), WANTED, keys);
  assertEquals(plan({ ...ANNOTATIONS, other: "y" }), []);
  assertEquals(plan({ ...ANNOTATIONS, "p/endpoint": "x" }), [
    { annotations: { "p/endpoint": "[2001:db8::1]:51820" } },
  ]);
});

Deno.test("planPublication() says nothing of an endpoint that is not known", () => {
  const { endpoint: _, ...silent } = WANTED;
  const found = node({ "p/peer": "true" }, { ...ANNOTATIONS, "p/endpoint": "192.0.2.1:1" });
  assertEquals(planPublication(found, silent, keys), []);
});

Deno.test("planPublication() says the site with the label, its address with the annotations", () => {
  const name = "lab-1";
  const wanted = { ...WANTED, site: { name, vpcIP: "10.0.0.4" as IpAddress } };
  assertEquals(planPublication(node({}, {}), wanted, keys), [
    { labels: { "p/peer": "true", "p/site": name } },
    { annotations: { ...ANNOTATIONS, "p/vpc-ip": "10.0.0.4" } },
  ]);
  const before = node({ "p/peer": "true", "p/site": "old" }, {
    ...ANNOTATIONS,
    "p/vpc-ip": "10.0.0.5",
  });
  assertEquals(planPublication(before, wanted, keys), [
    { labels: { "p/site": name } },
    { annotations: { "p/vpc-ip": "10.0.0.4" } },
  ]);
  assertEquals(planPublication(before, { ...WANTED, site: { name: "old" } }, keys), []);
});

Deno.test("planPublication() takes away a peer's site that is no more; a hub has none", () => {
  const before = node({ "p/peer": "true", "p/hub": "true", "p/site": "lab" }, {
    ...ANNOTATIONS,
    "p/vpc-ip": "10.0.0.4",
  });
  assertEquals(planPublication(before, WANTED, keys), [
    { labels: { "p/site": null } },
    { annotations: { "p/vpc-ip": null } },
  ]);
  assertEquals(planPublication(before, { ...WANTED, role: "hub" }, keys), []);
});

Deno.test("what is published reads back as the same claim, and needs no second patch", () => {
  const publication = fc.record({
    role: fc.constantFrom("hub" as const, "peer" as const),
    publicKey: fc.constant(KEY),
    endpoint: arbitrary.endpoint,
    allowedIPs: fc.uniqueArray(arbitrary.cidr, { maxLength: 9 }),
  });
  fc.assert(fc.property(publication, (wanted) => {
    const patches = planPublication(node({}, {}), wanted, keys);
    const published = node(
      Object.assign({}, ...patches.map((patch) => patch.labels)),
      Object.assign({}, ...patches.map((patch) => patch.annotations)),
    );
    const { publicKey, endpoint, allowedIPs } = wanted;
    assertEquals(claimOf(published, keys), {
      node: "n",
      createdAt: 0,
      publicKey,
      endpoint,
      allowedIPs,
      faults: [],
    });
    assertEquals(planPublication(published, wanted, keys), []);
  }));
});
