import type { IpAddress } from "../ip/address.ts";
import { type Cidr, hostCidr, type InterfaceAddress } from "../ip/cidr.ts";
import type { Endpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { MAX_PREFIXES } from "./claim.ts";
import type { NodeView } from "./node.ts";
import type { Publication } from "./publication.ts";

/** The options of a spoke that say what it publishes. */
export interface SpokePublicationOptions {
  readonly address: readonly InterfaceAddress[];
  readonly allowedIPs: readonly Cidr[] | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly site: string | undefined;
  readonly vpcIP: IpAddress | undefined;
  /** Whether it is a member: then it asks for its Node's own addresses, which its Node tells. */
  readonly member: boolean;
}

/**
 * What a spoke says on its Node. By default it asks for its own addresses alone, not for the network
 * that they are said to lie in. Where it is reached is the hub's to learn, unless the user knows.
 */
export function spokePublication(
  publicKey: PublicKey,
  { address, allowedIPs, endpoint, site, vpcIP, member }: SpokePublicationOptions,
): Publication {
  return {
    role: "peer",
    publicKey,
    ...(endpoint && { endpoint }),
    ...(member && { isMember: true }),
    allowedIPs: allowedIPs ?? address.map(({ address }) => hostCidr(address)),
    ...(site !== undefined && { site: { name: site, ...(vpcIP && { vpcIP }) } }),
  };
}

/**
 * The same on that Node: a member's with the Node's InternalIPs.
 *
 * @returns undefined as long as a member's Node has none.
 */
export function publicationOn(
  node: Pick<NodeView, "status">,
  publication: Publication,
): Publication | undefined {
  if (!publication.isMember) return publication;
  const { internalIPs = [] } = node.status ?? {};
  if (internalIPs.length === 0) return undefined;
  return { ...publication, allowedIPs: internalIPs.slice(0, MAX_PREFIXES).map(hostCidr) };
}
