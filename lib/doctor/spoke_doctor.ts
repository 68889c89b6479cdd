import { annotationKeys } from "../contract/annotation_keys.ts";
import { spokeStatus, type SpokeStatusOptions } from "../status/spoke_status.ts";
import { checkCilium } from "./checks/cilium.ts";
import { checkHubs } from "./checks/hubs.ts";
import { checkNodeAddress } from "./checks/node_address.ts";
import { checkOwnClaim } from "./checks/own_claim.ts";
import { checkOwnNode } from "./checks/own_node.ts";
import { checkPeers } from "./checks/peers.ts";
import { checkRefusals } from "./checks/refusals.ts";
import { clusterChecks } from "./cluster_checks.ts";
import { type Diagnosis, namedChecks } from "./diagnosis.ts";
import { machineChecks } from "./machine_checks.ts";
import { readCluster } from "./read_cluster.ts";
import { readMachine } from "./read_machine.ts";
import { spokeRights } from "./read_rights.ts";

/** The options of `spoke doctor`. */
export interface SpokeDoctorOptions extends SpokeStatusOptions {
  readonly listenPort: number;
}

/**
 * Looks at everything that a spoke needs. It need not run, and nothing is changed.
 *
 * @throws {SystemError} if the kernel cannot be asked.
 */
export async function spokeDoctor(
  options: SpokeDoctorOptions,
  nodeName: string,
  signal: AbortSignal,
): Promise<Diagnosis> {
  const { interface: name, listenPort } = options;
  const keys = annotationKeys(options.annotationPrefix);
  const machine = await readMachine(options);
  const { device, link } = machine;
  const [cluster, status] = await Promise.all([
    readCluster(options, { nodeName, keys, rights: spokeRights(nodeName) }, signal),
    machine.hasNetAdmin ? spokeStatus(options, nodeName, signal) : undefined, // it reads the interface
  ]);
  const time = Date.now();
  const { node, claims } = cluster;
  const judged = status?.api.ok ? status : undefined;
  return {
    program: "spoke",
    node: nodeName,
    time,
    checks: namedChecks({
      ...machineChecks(machine, { ...options, program: "spoke", node }),
      "peers": checkPeers({ program: "spoke", listenPort, peers: device && status?.peers, time }),
      ...clusterChecks(cluster, time),
      "own Node": checkOwnNode({
        role: "peer",
        nodeName,
        keys,
        node,
        publicKey: device?.privateKey?.publicKey,
      }),
      "own claim": checkOwnClaim({ own: claims?.find((claim) => claim.node === nodeName), claims }),
      "node-ip": checkNodeAddress({
        name,
        node: node ?? undefined,
        addresses: options.member
          ? machine.surroundings.addresses
          : machine.addresses.map(({ address }) => address),
        isMember: options.member,
      }),
      "hubs": checkHubs(judged?.hubs, keys.hub),
      "claims": checkRefusals(
        judged && [...judged.peers, ...judged.hubs].flatMap(({ refusals }) => refusals),
        nodeName,
      ),
      "Cilium": checkCilium({ config: cluster.cilium, name, mtu: link?.mtu }),
    }),
  };
}
