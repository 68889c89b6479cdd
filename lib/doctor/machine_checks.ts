import { familyOf, type IpFamily } from "../ip/address.ts";
import type { InterfaceAddress } from "../ip/cidr.ts";
import { cidrParts } from "../ip/cidr.ts";
import type { Finding } from "./finding.ts";
import { checkEndpoints } from "./checks/endpoints.ts";
import { checkFirewall } from "./checks/firewall.ts";
import { checkForwarding } from "./checks/forwarding.ts";
import { checkInterface } from "./checks/interface.ts";
import { checkMtu } from "./checks/mtu.ts";
import { checkOverlap } from "./checks/overlap.ts";
import { checkPort } from "./checks/port.ts";
import { checkReversePath } from "./checks/reverse_path.ts";
import { checkRoutes } from "./checks/routes.ts";
import { checkCapability, checkWireGuard } from "./checks/wireguard.ts";
import type { NodeView } from "../contract/node.ts";
import type { Machine, MachineOptions } from "./read_machine.ts";

/** What the checks of the machine are told besides what it is like. */
export interface MachineCheckOptions extends MachineOptions {
  readonly program: "hub" | "spoke";
  readonly address: readonly InterfaceAddress[];
  /** The own Node, if it is known. */
  readonly node: Pick<NodeView, "podCidrs"> | null | undefined;
}

/** The checks that are the same for hub and spoke, by their names. */
export function machineChecks(
  machine: Machine,
  { program, interface: name, listenPort, address, node }: MachineCheckOptions,
): Record<string, Finding> {
  const { link, device, addresses, surroundings, prefixes } = machine;
  const { podRoutes, routes, underlayMtu } = surroundings;
  const own = addresses.filter(({ address }) => !address.startsWith("fe80:"));
  const tunnel = own.length > 0 ? own : address;
  const families = new Set<IpFamily>([
    ...tunnel.map(({ address }) => familyOf(address)),
    ...prefixes.map(({ prefix }) => cidrParts(prefix).family),
  ]);
  const otherRoutes = routes.filter((route) => !podRoutes.includes(route));
  return {
    "WireGuard": checkWireGuard(machine.wireguard),
    "capability": checkCapability(machine.hasNetAdmin),
    "interface": checkInterface({
      program,
      name,
      link,
      isWireGuard: device !== undefined || (!machine.hasNetAdmin && link?.kind === "wireguard"),
      hasKey: device === undefined || device.privateKey !== undefined,
      addresses: own,
      wanted: address,
    }),
    "UDP port": checkPort({
      name,
      wanted: listenPort,
      own: link?.up ? device?.listenPort : undefined,
      taken: machine.isPortTaken,
    }),
    "forwarding": checkForwarding({
      program,
      name,
      families: [...families].sort(),
      forwards: machine.forwards,
    }),
    "rp_filter": checkReversePath({ name, ...machine.reversePath }),
    "firewall": checkFirewall({
      program,
      name,
      listenPort: device?.listenPort ?? listenPort,
      families: [...families],
      endpoints: [...device?.peers.values() ?? []].flatMap(({ endpoint }) => endpoint ?? []),
      outside: machine.ways.flatMap(({ device }) => device ?? []),
      firewall: machine.firewall,
    }),
    "MTU": checkMtu({
      name,
      mtu: link?.mtu,
      paths: machine.paths,
      underlayMtu,
      podDevices: machine.podDevices,
    }),
    "routes": checkRoutes({
      name,
      isUp: link?.up ?? false,
      prefixes,
      others: otherRoutes,
    }),
    "addresses": checkOverlap({
      addresses: tunnel,
      podNetworks: [...node?.podCidrs ?? [], ...podRoutes],
      otherRoutes,
    }),
    "endpoints": checkEndpoints(name, device && machine.ways),
  };
}
