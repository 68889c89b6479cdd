import type { IpAddress, IpFamily } from "../ip/address.ts";
import { cidrParts, type InterfaceAddress } from "../ip/cidr.ts";
import { readSmallFile } from "../netlink/libc.ts";
import type { Link } from "../netlink/links.ts";
import { hasNetAdmin } from "../netlink/net_admin.ts";
import { Network } from "../netlink/network.ts";
import { type Firewall, readFirewall } from "../netlink/nft_rules.ts";
import { SystemError } from "../netlink/system_error.ts";
import { isUdpPortTaken } from "../netlink/udp_port.ts";
import { type PathMtu, pathMtus } from "../tunnel/path_mtu.ts";
import { MEMBERS_TABLE } from "../tunnel/plan_members.ts";
import { readSurroundings, type Surroundings } from "../tunnel/surroundings.ts";
import type { Device } from "../wireguard/device.ts";
import { KernelBackend } from "../wireguard/kernel_backend.ts";
import { findBackend, kernelHasWireGuard } from "../wireguard/open_backend.ts";
import { isUserspaceProgramInstalled } from "../wireguard/userspace_backend.ts";
import type { Way } from "./checks/endpoints.ts";
import type { PodDevice } from "./checks/mtu.ts";
import type { RoutedPrefix } from "./checks/routes.ts";
import type { WireGuardFacts } from "./checks/wireguard.ts";

/** What of the options is looked at on the machine. */
export interface MachineOptions {
  readonly interface: string;
  readonly listenPort: number;
}

/** What the kernel says of this machine and its end of the tunnel. */
export interface Machine {
  readonly hasNetAdmin: boolean;
  readonly wireguard: WireGuardFacts;
  /** The tunnel's interface, and what WireGuard has of it; undefined if there is none such. */
  readonly link: Link | undefined;
  readonly device: Device | undefined;
  readonly addresses: readonly InterfaceAddress[];
  readonly isPortTaken: boolean | undefined;
  readonly forwards: Readonly<Record<IpFamily, boolean | undefined>>;
  /** rp_filter of all, and of the interface. */
  readonly reversePath: { readonly all: number | undefined; readonly own: number | undefined };
  readonly firewall: Firewall | undefined;
  readonly surroundings: Surroundings;
  readonly paths: readonly PathMtu[];
  readonly podDevices: readonly PodDevice[];
  readonly prefixes: readonly RoutedPrefix[];
  /** To the peers' endpoints. */
  readonly ways: readonly Way[];
}

/** Devices of network plugins whose MTU counts for pods; those of single pods follow them. */
const POD_NETWORK = /^(cilium_(vxlan|geneve|host)|vxlan\.calico|flannel|cni\d|kube-bridge|weave$)/;

/**
 * Reads what the checks need of this machine. Nothing is changed, but that the kernel may load its
 * module of WireGuard.
 *
 * @throws {SystemError} if the kernel cannot even be asked for its links and routes.
 */
export async function readMachine(
  { interface: name, listenPort }: MachineOptions,
): Promise<Machine> {
  using network = new Network();
  const isAdmin = hasNetAdmin();
  const link = network.link(name);
  const { device, wireguard } = await readWireGuard(network, name, isAdmin);
  const links = network.links();
  const names = new Map(links.map((link) => [link.index, link.name]));
  const deviceTowards = (address: IpAddress, mark = 0) =>
    names.get(network.routeTo(address, { mark })?.interfaceIndex ?? 0);
  const peers = [...device?.peers.values() ?? []];
  // A hub's routes to members are not its own: only packets from the tunnel take them.
  const ofMembers = { table: MEMBERS_TABLE, ...(link && { interfaceIndex: link.index }) };
  const members = new Set(network.routes(ofMembers).map(({ destination }) => destination));
  const conf = (family: IpFamily, of: string, setting: string) =>
    readSetting(`/proc/sys/net/ipv${family}/conf/${of}/${setting}`);
  return {
    hasNetAdmin: isAdmin,
    wireguard,
    link,
    device,
    addresses: link ? network.addresses(link.index) : [],
    isPortTaken: link?.up && device?.listenPort === listenPort ? false : isUdpPortTaken(listenPort),
    forwards: {
      4: both(conf(4, "all", "forwarding"), link ? conf(4, name, "forwarding") : 1),
      6: both(conf(6, "all", "forwarding"), 1), // for IPv6 that of the interface says something else
    },
    reversePath: { all: conf(4, "all", "rp_filter"), own: conf(4, name, "rp_filter") },
    firewall: readFirewall(),
    surroundings: readSurroundings(network, name),
    paths: pathMtus(network, name, device?.peers),
    podDevices: links.filter((one) => POD_NETWORK.test(one.name)),
    prefixes: peers.flatMap(({ allowedIPs }) => allowedIPs)
      .filter((prefix) => cidrParts(prefix).prefixLength > 0) // no address stands for all
      .map((prefix) => ({
        prefix,
        device: members.has(prefix) ? name : deviceTowards(cidrParts(prefix).address),
      })),
    ways: peers.flatMap(({ endpoint }) => endpoint?.host ?? [])
      .map((address) => ({ address, device: deviceTowards(address, device?.fwmark) })),
  };
}

async function readWireGuard(
  network: Network,
  name: string,
  isAdmin: boolean,
): Promise<{ readonly device: Device | undefined; readonly wireguard: WireGuardFacts }> {
  using parts = new DisposableStack();
  const backend = isAdmin ? await findBackend(network, name) : undefined;
  if (backend instanceof KernelBackend) parts.use(backend);
  const device = await backend?.read(name);
  const kernel = backend?.kind === "kernel" || hasKernelWireGuard(network, isAdmin);
  return {
    device,
    wireguard: {
      kernel,
      program: backend?.kind === "userspace" || (!kernel && await isUserspaceProgramInstalled()),
    },
  };
}

function hasKernelWireGuard(network: Network, isAdmin: boolean): boolean {
  if (isAdmin) return kernelHasWireGuard(network);
  using backend = new KernelBackend(network);
  return backend.isSupported();
}

function both(a: number | undefined, b: number | undefined): boolean | undefined {
  return a === undefined || b === undefined ? undefined : a !== 0 && b !== 0;
}

/** A number of /proc/sys; undefined if there is none. */
function readSetting(path: string): number | undefined {
  try {
    return Number(readSmallFile(path));
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}
