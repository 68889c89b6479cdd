import type { Network } from "../netlink/network.ts";
import { SystemError } from "../netlink/system_error.ts";
import { UserError } from "../user_error.ts";
import type { WireGuardBackend } from "./device.ts";
import { KernelBackend, WIREGUARD } from "./kernel_backend.ts";
import {
  hasUapiSocket,
  isUserspaceProgramInstalled,
  USERSPACE_PROGRAM,
  UserspaceBackend,
} from "./userspace_backend.ts";

/**
 * Chooses what speaks to the WireGuard interface of that name. One that exists decides by what it
 * is. Else it is the kernel if it has WireGuard, else a userspace program.
 *
 * @throws {UserError} if the machine has neither, or the process may not make interfaces.
 */
export async function openBackend(network: Network, name: string): Promise<WireGuardBackend> {
  const found = await findBackend(network, name);
  if (found) return found;
  if (kernelHasWireGuard(network)) return new KernelBackend(network);
  if (await isUserspaceProgramInstalled()) return new UserspaceBackend(network);
  throw new UserError(
    `this kernel has no WireGuard and ${USERSPACE_PROGRAM} is not installed: load the kernel ` +
      `module wireguard (Linux 5.6 or newer), or install ${USERSPACE_PROGRAM}`,
  );
}

/** What speaks to the WireGuard interface of that name; undefined if there is none. Nothing is made. */
export async function findBackend(
  network: Network,
  name: string,
): Promise<KernelBackend | UserspaceBackend | undefined> {
  const link = network.link(name);
  if (link?.kind === WIREGUARD) return new KernelBackend(network);
  if (link && await hasUapiSocket(name)) return new UserspaceBackend(network);
  return undefined;
}

/** Whether the kernel has WireGuard; where it is a module, asking loads it. */
export function kernelHasWireGuard(network: Network): boolean {
  using backend = new KernelBackend(network);
  return backend.isSupported() || canCreateLink(network);
}

/** Making a link loads the module too, on kernels that do not load it for the question above. */
function canCreateLink(network: Network): boolean {
  const name = `wgprobe${crypto.getRandomValues(new Uint16Array(1))[0]}`;
  try {
    network.createLink({ name, kind: WIREGUARD });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.isUnsupported) return false;
    if (!error.isForbidden) throw error;
    throw new UserError("network interfaces may not be made: run as root, or with CAP_NET_ADMIN");
  }
  const link = network.link(name);
  if (link) network.deleteLink(link.index);
  return true;
}
