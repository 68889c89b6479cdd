import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { type SiteClaim, siteClaimOf } from "../../lib/contract/site_claim.ts";
import { judgeSite, type SiteFacts, type SiteHoldings } from "../../lib/contract/site_peers.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import * as arbitrary from "./arbitraries.ts";
import { cidrs } from "./claims.ts";

export const keys = annotationKeys("p/");
export const SITE = "lab";
export const HUB_KEY = arbitrary.keyOf(100);
export const NOBODY: SiteHoldings = { keys: new Map(), prefixes: new Map() };

/** A spoke 100.96.0.2 on 10.9.0.2, whose hub has the tunnel's network and the cluster's. */
export const FACTS: SiteFacts = {
  node: "edge-2",
  site: SITE,
  ownKey: arbitrary.keyOf(2),
  published: cidrs("100.96.0.2/32"),
  tunnelAddresses: [parseInterfaceAddress("100.96.0.2/32")!],
  ownAddresses: ["100.96.0.2", "10.9.0.2", "172.16.128.2"] as IpAddress[],
  hubPrefixes: cidrs("100.96.0.0/12 172.16.0.0/16"),
  otherRoutes: cidrs("10.9.0.0/24 172.16.128.0/24"),
  outside: [],
  hubKeys: new Set([HUB_KEY]),
  hubAddresses: ["100.96.0.1", "172.16.0.4"] as IpAddress[],
};

interface Said {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly createdAt?: number;
}

/** The Node `edge-<number>` of the site, with the tunnel address and the site's of that number. */
export function node(number: number, { labels, annotations, createdAt }: Said = {}): NodeView {
  return {
    name: `edge-${number}`,
    uid: `${number}`,
    createdAt: createdAt ?? number * 1000,
    labels: { [keys.peer]: "true", [keys.site]: SITE, ...labels },
    annotations: {
      [keys.publicKey]: arbitrary.keyOf(number),
      [keys.allowedIPs]: `100.96.0.${number}/32`,
      [keys.vpcIP]: `10.9.0.${number}`,
      ...annotations,
    },
  };
}

export const claim = (number: number, said?: Said): SiteClaim =>
  siteClaimOf(node(number, said), keys);
export const asks = (number: number, allowedIPs: string, rest: Said = {}) =>
  claim(number, { ...rest, annotations: { ...rest.annotations, [keys.allowedIPs]: allowedIPs } });
export const at = (number: number, vpcIP: string) =>
  claim(number, { annotations: { [keys.vpcIP]: vpcIP } });

/** The numbers of the Nodes that are taken, and what is refused. */
export function judged(
  claims: readonly SiteClaim[],
  before: SiteHoldings = NOBODY,
  facts: SiteFacts = FACTS,
) {
  const { peers, refusals, holdings, obstacle } = judgeSite(claims, facts, before);
  return {
    taken: peers.map(({ node }) => Number(node.slice(5))),
    refused: refusals.map(({ node, subject, code }) => `${node} ${subject} ${code}`),
    holdings,
    obstacle,
  };
}
