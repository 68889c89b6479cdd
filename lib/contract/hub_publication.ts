import type { Cidr } from "../ip/cidr.ts";
import { type InterfaceAddress, networkOf } from "../ip/cidr.ts";
import type { Endpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { NodeView } from "./node.ts";
import type { Publication } from "./publication.ts";

/** The options of a hub that say what it publishes. */
export interface HubPublicationOptions {
  readonly address: readonly InterfaceAddress[];
  readonly allowedIPs: readonly Cidr[] | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly listenPort: number;
}

/**
 * What a hub says on its Node. Its endpoint is the user's, else the Node's first ExternalIP (IPv4
 * before IPv6) and the listen port; absent as long as the Node has none.
 */
export function hubPublication(
  node: NodeView,
  publicKey: PublicKey,
  options: HubPublicationOptions,
): Publication {
  const external = node.status?.externalIPs ?? [];
  const host = external.find((address) => !address.includes(":")) ?? external[0];
  const endpoint = options.endpoint ?? (host && { host, port: options.listenPort });
  return {
    role: "hub",
    publicKey,
    ...(endpoint && { endpoint }),
    allowedIPs: options.allowedIPs ?? options.address.map(networkOf),
  };
}
