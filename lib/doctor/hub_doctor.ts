import { annotationKeys } from "../contract/annotation_keys.ts";
import { claimOf } from "../contract/claim.ts";
import { hubStatus, type HubStatusOptions } from "../status/hub_status.ts";
import { checkCilium } from "./checks/cilium.ts";
import { checkHubPrefixes } from "./checks/hub_prefixes.ts";
import { checkHubs } from "./checks/hubs.ts";
import { checkOwnNode } from "./checks/own_node.ts";
import { checkPeers } from "./checks/peers.ts";
import { checkProgram } from "./checks/program.ts";
import { checkRefusals } from "./checks/refusals.ts";
import { clusterChecks } from "./cluster_checks.ts";
import { type Diagnosis, namedChecks } from "./diagnosis.ts";
import { machineChecks } from "./machine_checks.ts";
import { readCluster } from "./read_cluster.ts";
import { readMachine } from "./read_machine.ts";
import { HUB_RIGHTS } from "./read_rights.ts";

/** The options of `hub doctor`. */
export interface HubDoctorOptions extends HubStatusOptions {
  readonly listenPort: number;
}

/**
 * Looks at everything that a hub needs. It need not run, and nothing is changed.
 *
 * @throws {SystemError} if the kernel cannot be asked.
 */
export async function hubDoctor(
  options: HubDoctorOptions,
  signal: AbortSignal,
): Promise<Diagnosis> {
  const { nodeName, interface: name, listenPort } = options;
  const keys = annotationKeys(options.annotationPrefix);
  const machine = await readMachine(options);
  const { device, link } = machine;
  const [cluster, status] = await Promise.all([
    readCluster(options, { nodeName, keys, rights: HUB_RIGHTS }, signal),
    machine.hasNetAdmin ? hubStatus(options, signal) : undefined, // it reads the interface
  ]);
  const time = Date.now();
  const { node } = cluster;
  const said = node ? claimOf(node, keys) : undefined;
  const judged = status?.api.ok ? status : undefined;
  return {
    program: "hub",
    node: nodeName,
    time,
    checks: namedChecks({
      ...machineChecks(machine, { ...options, program: "hub", node }),
      "peers": checkPeers({ program: "hub", listenPort, peers: device && status?.peers, time }),
      ...clusterChecks(cluster, time),
      "hub": checkProgram(status?.standing),
      "own Node": checkOwnNode({
        role: "hub",
        nodeName,
        keys,
        node,
        publicKey: device?.privateKey?.publicKey,
      }),
      "allowed-ips": checkHubPrefixes({
        allowedIPs: said?.allowedIPs ?? [],
        node: node ?? undefined,
        peerPrefixes: [...device?.peers.values() ?? []].flatMap(({ allowedIPs }) => allowedIPs),
      }),
      "hubs": checkHubs(judged?.hubs, keys.hub),
      "claims": checkRefusals(
        judged && [...judged.peers, ...judged.hubs].flatMap(({ refusals }) => refusals),
      ),
      "Cilium": checkCilium({ config: cluster.cilium, name, mtu: link?.mtu }),
    }),
  };
}
