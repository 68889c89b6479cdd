import { assertEquals } from "@std/assert";
import { activeHub } from "../../lib/contract/active_hub.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { planPublication } from "../../lib/contract/publication.ts";
import { siteClaimOf } from "../../lib/contract/site_claim.ts";
import { spokePublication } from "../../lib/contract/spoke_publication.ts";
import { tunnelPrefixes } from "../../lib/contract/tunnel_prefixes.ts";
import { parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import { parseOptions } from "../../lib/options/parse_options.ts";
import { SPOKE_OPTIONS } from "../../lib/options/spoke_options.ts";
import * as arbitrary from "./arbitraries.ts";

/** As the original's cloud-init has it. */
const P = "stretch.azure.com/wireguard-";
const KEYS = annotationKeys(P);
const KEY = arbitrary.keyOf(1);

/** What tunnelPrefixes() asks of a machine that has nothing else. */
const MACHINE = {
  addresses: [parseInterfaceAddress("100.96.3.7/32")!],
  gateways: [],
  otherRoutes: [],
  resolvers: [],
};

function node(
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): NodeView {
  return { name: "n", uid: "u", createdAt: 0, labels, annotations };
}

Deno.test("a spoke reads what the original hub publishes", () => {
  const original = { [`${P}public-key`]: KEY, [`${P}endpoint`]: "192.0.2.1:51820" };
  const both = ["100.96.0.0/12", "172.16.0.0/16"];
  const cases: [Record<string, string>, string[]][] = [
    [{ [`${P}allowed-ips`]: "100.96.0.0/12,172.16.0.0/16" }, both],
    [{ [`${P}allowed-ips`]: "100.96.0.0/12, 172.16.0.0/16" }, both],
    [{ [`${P}allowed-ips`]: " 100.96.0.0/12 ,\t172.16.0.0/16 " }, both],
    [{}, ["100.96.3.1/32"]], // the first three octets of WG_ADDRESS, and .1
  ];
  for (const [annotations, prefixes] of cases) {
    const published = node({ [`${P}hub`]: "true" }, { ...original, ...annotations });
    const { hub } = activeHub([published], KEYS);
    assertEquals([hub?.publicKey, hub?.endpoint], [KEY, { host: "192.0.2.1", port: 51820 }]);
    assertEquals(tunnelPrefixes(undefined, hub!, MACHINE), { prefixes, refusals: [] } as unknown);
  }
});

Deno.test("a spoke's hub is one whose label the original would take, exactly true", () => {
  const complete = { [`${P}public-key`]: KEY, [`${P}endpoint`]: "hub.example:51820" };
  for (const label of ["True", "1", "yes", ""]) {
    assertEquals(activeHub([node({ [`${P}hub`]: label }, complete)], KEYS).hub, undefined);
  }
  const { hub } = activeHub([node({ [`${P}hub`]: "true" }, complete)], KEYS);
  assertEquals(hub?.endpoint, { host: "hub.example", port: 51820 });
});

Deno.test("a spoke reads what the original spoke of its site publishes", () => {
  const { site, vpcIP, publicKey, allowedIPs, faults } = siteClaimOf(
    node({ [`${P}peer`]: "true", [`${P}site`]: "lab" }, {
      [`${P}public-key`]: KEY,
      [`${P}allowed-ips`]: "100.96.3.8/32, 10.0.3.0/24",
      [`${P}vpc-ip`]: "10.0.0.8",
    }),
    KEYS,
  );
  assertEquals({ site, vpcIP, publicKey, allowedIPs, faults }, {
    site: "lab",
    vpcIP: "10.0.0.8",
    publicKey: KEY,
    allowedIPs: ["100.96.3.8/32", "10.0.3.0/24"],
    faults: [],
  } as unknown);
});

Deno.test("a spoke publishes what the original does from the same variables, byte for byte", () => {
  const cases: [Record<string, string>, Record<string, string>, Record<string, string>][] = [
    [
      { WG_ADDRESS: "100.96.3.7/32" },
      { [`${P}peer`]: "true" },
      { [`${P}public-key`]: KEY, [`${P}allowed-ips`]: "100.96.3.7/32" },
    ],
    // Wider ones the original says as they stand, and so asks for its neighbours' addresses, too.
    [
      { WG_ADDRESS: "100.96.3.7/24" },
      { [`${P}peer`]: "true" },
      { [`${P}public-key`]: KEY, [`${P}allowed-ips`]: "100.96.3.7/32" },
    ],
    [
      { WG_ADDRESS: "100.96.3.7/12,fd00:96::7/64" },
      { [`${P}peer`]: "true" },
      { [`${P}public-key`]: KEY, [`${P}allowed-ips`]: "100.96.3.7/32,fd00:96::7/128" },
    ],
    [
      { WG_ADDRESS: "100.96.3.7/32", WG_ALLOWED_IPS: "100.96.3.7/32,10.0.3.0/24" },
      { [`${P}peer`]: "true" },
      { [`${P}public-key`]: KEY, [`${P}allowed-ips`]: "100.96.3.7/32,10.0.3.0/24" },
    ],
    [
      { WG_ADDRESS: "100.96.3.7/32", WG_SITE: "lab", WG_VPC_IP: "10.0.0.7", WG_DAEMONIZE: "true" },
      { [`${P}peer`]: "true", [`${P}site`]: "lab" },
      {
        [`${P}public-key`]: KEY,
        [`${P}allowed-ips`]: "100.96.3.7/32",
        [`${P}vpc-ip`]: "10.0.0.7",
      },
    ],
  ];
  for (const [variables, labels, annotations] of cases) {
    const env = new Map(Object.entries({ ANNOTATION_PREFIX: P, NODE_NAME: "n", ...variables }));
    const options = parseOptions(SPOKE_OPTIONS, [], env);
    const keys = annotationKeys(options.annotationPrefix);
    assertEquals(planPublication(node({}, {}), spokePublication(KEY, options), keys), [
      { labels }, // first and alone: a hub may look for it before it looks at the rest
      { annotations },
    ]);
    // And where the original has been, there is nothing to patch.
    const before = node(labels, annotations);
    assertEquals(planPublication(before, spokePublication(KEY, options), keys), []);
  }
});
