import type { Network } from "../netlink/network.ts";
import { requireNetAdmin } from "../tunnel/open_tunnel.ts";
import type { Device } from "../wireguard/device.ts";
import { KernelBackend } from "../wireguard/kernel_backend.ts";
import { findBackend } from "../wireguard/open_backend.ts";
import type { InterfaceStatus } from "./status_report.ts";

/** An interface, in the words of a status and as its device. */
export interface ReadInterface {
  readonly status: InterfaceStatus;
  /** Undefined if there is none of that name, or it is not WireGuard's. */
  readonly device: Device | undefined;
}

/**
 * Reads the interface of that name, and makes nothing.
 *
 * @throws {UserError} without the right to.
 * @throws {SystemError} what the kernel refuses.
 */
export async function readInterface(network: Network, name: string): Promise<ReadInterface> {
  requireNetAdmin();
  const absent = { name, found: false, up: false, addresses: [] };
  using stack = new DisposableStack();
  const backend = await findBackend(network, name);
  if (backend instanceof KernelBackend) stack.use(backend);
  const device = await backend?.read(name);
  const link = network.link(name);
  if (!backend || !device || !link) return { status: absent, device: undefined };
  const { privateKey, listenPort } = device;
  return {
    device,
    status: {
      name,
      found: true,
      up: link.up,
      backend: backend.kind,
      ...(privateKey && { publicKey: privateKey.publicKey }),
      mtu: link.mtu,
      listenPort,
      addresses: network.addresses(link.index)
        .map(({ address, prefixLength }) => ({ address, prefixLength })),
    },
  };
}
