import { run } from "./command.ts";
import { LabHost } from "./lab_host.ts";

/** What a CNI's agent answers for in place of the pods' gateway: any address will do. */
const GATEWAY = "169.254.1.1";

/**
 * A pod on a test host as a CNI makes one without an overlay: a host of its own behind a pair of
 * links, one route to it on the node, everything else by way of the node.
 *
 * @param address the pod's, IPv4.
 */
export async function addPod(node: LabHost, address: string): Promise<LabHost> {
  const pod = await LabHost.create(`pod-${address.replaceAll(".", "-")}`);
  try {
    await plug(node, pod, address);
    return pod;
  } catch (error) {
    await pod[Symbol.asyncDispose]();
    throw error;
  }
}

async function plug(node: LabHost, pod: LabHost, address: string): Promise<void> {
  const device = "lxc0";
  // Only the node's network is entered: process ids must mean there what they mean to us.
  await run(["nsenter", `--target=${node.pid}`, "--net", "ip", "-batch", "-"], {
    stdin: `link add ${device} mtu 1420 type veth peer name eth0 mtu 1420 netns ${pod.pid}\n`,
  });
  await pod.ip(
    `addr add ${address}/32 dev eth0`,
    "link set eth0 up",
    `route add ${GATEWAY}/32 dev eth0 scope link`,
    `route add default via ${GATEWAY} dev eth0`,
  );
  await node.ip(
    `addr add ${GATEWAY}/32 dev ${device}`,
    `link set ${device} up`,
    `route add ${address}/32 dev ${device} scope link`,
  );
  await node.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
}
