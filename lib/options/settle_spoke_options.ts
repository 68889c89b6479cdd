import { UserError } from "../user_error.ts";
import type { OptionValues } from "./option.ts";
import type { SPOKE_OPTIONS } from "./spoke_options.ts";

/** A spoke's options as they were given. */
export type GivenSpokeOptions = OptionValues<typeof SPOKE_OPTIONS>;

/** The same as they are used: what depends on others is settled. */
export type SpokeOptions = GivenSpokeOptions;

/** Where a kubelet writes its credential. */
const KUBELET_CONF = "/etc/kubernetes/kubelet.conf";

/**
 * Settles what depends on whether this is a member. A spoke comes with its kubelet's credential; a
 * member with that of its pod, and of the tunnel it has no address, asks for nothing but its Node's
 * own addresses, and sends into it what it was told to, never what a hub says.
 *
 * @param command what the program was told to do; undefined: to run.
 * @throws {UserError} if a member lacks what it needs, or was given what it cannot have.
 */
export function settleSpokeOptions(
  given: GivenSpokeOptions,
  command: string | undefined,
): SpokeOptions {
  if (!given.member) {
    if (given.tunnelCidrs) {
      throw new UserError(
        "--tunnel-cidrs (WG_TUNNEL_CIDRS) is for a member: give --member with it, or, on a spoke, " +
          "--hub-allowed-ips",
      );
    }
    return { ...given, kubeconfig: given.kubeconfig ?? KUBELET_CONF };
  }
  if (given.nodeName === undefined) {
    throw new UserError(
      "a member needs --node-name (NODE_NAME): set it from spec.nodeName by the downward API",
    );
  }
  if (command === undefined && !given.tunnelCidrs?.length) {
    throw new UserError(
      "a member needs --tunnel-cidrs (WG_TUNNEL_CIDRS): the networks that go to the hub, such as " +
        "100.96.0.0/12",
    );
  }
  const unfit = [
    ["--allowed-ips (WG_ALLOWED_IPS)", given.allowedIPs, "it asks for its Node's InternalIPs"],
    ["--hub-allowed-ips (HUB_ALLOWED_IPS)", given.hubAllowedIPs, "that is --tunnel-cidrs"],
    ["--site (WG_SITE)", given.site, "it has the hub's own network"],
  ] as const;
  for (const [option, value, instead] of unfit) {
    if (value !== undefined) throw new UserError(`${option} is not for a member: ${instead}`);
  }
  return { ...given, address: [], hubAllowedIPs: given.tunnelCidrs ?? [], vpcIP: undefined };
}
