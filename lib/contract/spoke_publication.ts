import type { IpAddress } from "../ip/address.ts";
import { type Cidr, hostCidr, type InterfaceAddress } from "../ip/cidr.ts";
import type { Endpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { Publication } from "./publication.ts";

/** The options of a spoke that say what it publishes. */
export interface SpokePublicationOptions {
  readonly address: readonly InterfaceAddress[];
  readonly allowedIPs: readonly Cidr[] | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly site: string | undefined;
  readonly vpcIP: IpAddress | undefined;
}

/**
 * What a spoke says on its Node. By default it asks for its own addresses alone, not for the network
 * that they are said to lie in. Where it is reached is the hub's to learn, unless the user knows.
 */
export function spokePublication(
  publicKey: PublicKey,
  { address, allowedIPs, endpoint, site, vpcIP }: SpokePublicationOptions,
): Publication {
  return {
    role: "peer",
    publicKey,
    ...(endpoint && { endpoint }),
    allowedIPs: allowedIPs ?? address.map(({ address }) => hostCidr(address)),
    ...(site !== undefined && { site: { name: site, ...(vpcIP && { vpcIP }) } }),
  };
}
