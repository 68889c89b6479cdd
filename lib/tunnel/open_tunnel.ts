import { hasNetAdmin } from "../netlink/net_admin.ts";
import { Network, type NetworkAccess } from "../netlink/network.ts";
import { UserError } from "../user_error.ts";
import { openBackend } from "../wireguard/open_backend.ts";
import { type Ownership, type OwnershipOptions, takeOver } from "./take_over.ts";
import { Tunnel } from "./tunnel.ts";

/** The options that say which interface is ours. */
export interface TunnelOptions extends OwnershipOptions {
  readonly interface: string;
}

/** The tunnel's end on this machine and the key of this node. */
export interface OwnTunnel extends Ownership {
  readonly network: NetworkAccess;
  readonly tunnel: Tunnel;
}

/** The same, as long as it is not disposed of. */
export interface OpenTunnel extends OwnTunnel, Disposable {
  readonly network: Network;
}

/**
 * Finds the interface, or what can make it, and this node's key. Nothing is changed yet, but that a
 * missing key file is written.
 *
 * @throws {UserError} without WireGuard, without the rights, with an unusable key file, or if the
 * interface is somebody else's.
 */
export async function openTunnel(options: TunnelOptions): Promise<OpenTunnel> {
  const { network, tunnel } = await inspectTunnel(options);
  try {
    const ownership = await takeOver(tunnel, options);
    return { ...ownership, network, tunnel, [Symbol.dispose]: () => network[Symbol.dispose]() };
  } catch (error) {
    network[Symbol.dispose]();
    throw error;
  }
}

/**
 * Finds the interface, or what can make it, whosever it is.
 *
 * @throws {UserError} without WireGuard, or without the rights.
 */
export async function inspectTunnel(
  options: Pick<TunnelOptions, "interface">,
): Promise<Pick<OpenTunnel, "network" | "tunnel"> & Disposable> {
  requireNetAdmin();
  const network = new Network();
  try {
    const name = options.interface;
    const backend = await openBackend(network, name);
    const tunnel = new Tunnel({ network, backend, name, now: Date.now });
    return { network, tunnel, [Symbol.dispose]: () => network[Symbol.dispose]() };
  } catch (error) {
    network[Symbol.dispose]();
    throw error;
  }
}

/** @throws {UserError} if this process may not even read WireGuard's interfaces. */
export function requireNetAdmin(): void {
  if (hasNetAdmin()) return;
  throw new UserError(
    "this process may not configure interfaces: run it as root, or with CAP_NET_ADMIN",
  );
}
