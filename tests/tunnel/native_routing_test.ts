/** Native routing as a CNI does it: pods' own addresses in the tunnel, without an overlay. */
import { assertEquals } from "@std/assert";
import { addPod } from "../lab/pod.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { StretchedCluster } from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";

/** What ICMP fills of the tunnel's MTU. */
const FULL_SIZE = 1420 - 28;
const POD_OF = { hub: "10.244.1.5", two: "10.244.2.5", three: "10.244.3.5" } as const;

const RECEIVE = `
  const socket = Deno.listenDatagram({ transport: "udp", hostname: Deno.args[0], port: 9100 });
  console.log("ready");
  const [bytes, from] = await socket.receive();
  console.log("from", from.hostname, bytes.length);
`;
const SEND = `
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  await socket.send(new Uint8Array(1392), { transport: "udp", hostname: Deno.args[0], port: 9100 });
`;

/** Who the receiver says has sent it a datagram of full size. */
async function sourceOf(from: LabHost, to: LabHost, address: string): Promise<string> {
  const deno = (script: string) => ["eval", "--unstable-net", script, address];
  await using receiver = to.spawn(Deno.execPath(), deno(RECEIVE), { env: { NO_COLOR: "1" } });
  await receiver.waitForLine(/^ready$/);
  await from.run([Deno.execPath(), ...deno(SEND)]);
  const [, source] = await receiver.waitForLine(/^from (\S+) 1392$/);
  return source!;
}

Deno.test("pods of hub and spokes reach each other by their own addresses, which are kept", async (t) => {
  await using stretched = await StretchedCluster.create({
    hubArguments: { "allowed-ips": "100.96.0.0/12,172.16.0.0/16,10.244.0.0/16" },
  });
  const hub = await stretched.addHub();
  await using pods = new AsyncDisposableStack();
  const podOn = async (host: LabHost, address: string) => pods.use(await addPod(host, address));
  await hub.process.waitForLine(/in step with the cluster/);
  const withPods = (number: number) => ({
    env: { WG_ALLOWED_IPS: `100.96.0.${number}/32,10.244.${number}.0/24` },
  });
  const two = await stretched.addSpoke(2, withPods(2));
  const three = await stretched.addSpoke(3, withPods(3));
  const pod = {
    hub: await podOn(hub.host, POD_OF.hub),
    two: await podOn(two.host, POD_OF.two),
    three: await podOn(three.host, POD_OF.three),
  };

  await t.step("the Nodes' annotations hold the pods' networks", async () => {
    await reaches(stretched, pod.two, POD_OF.three);
    const { "allowed-ips": prefixes } = await stretched.published(two.name);
    assertEquals(prefixes, "100.96.0.2/32,10.244.2.0/24");
  });

  const pairs = [
    ["two", "three"],
    ["three", "two"],
    ["two", "hub"],
    ["hub", "two"],
    ["three", "hub"],
    ["hub", "three"],
  ] as const;
  for (const [from, to] of pairs) {
    await t.step(`a pod of ${from} reaches one of ${to} with full-size packets`, async () => {
      await reaches(stretched, pod[from], POD_OF[to]);
      const size = ["-M", "do", "-s", `${FULL_SIZE}`, "-c", "3", "-i", "0.2", "-W", "2"];
      const { code, stdout } = await pod[from].exec("ping", [...size, POD_OF[to]]);
      assertEquals(code, 0, stdout);
    });
  }

  for (const [from, to] of [["two", "three"], ["three", "two"], ["hub", "two"]] as const) {
    await t.step(`a pod of ${to} sees the one of ${from} by its own address`, async () => {
      assertEquals(await sourceOf(pod[from], pod[to], POD_OF[to]), POD_OF[from]);
    });
  }

  await t.step("a packet that is one byte too large is refused where it is sent", async () => {
    const size = ["-M", "do", "-s", `${FULL_SIZE + 1}`, "-c", "1", "-W", "1"];
    assertEquals((await pod.two.exec("ping", [...size, POD_OF.three])).code, 1);
  });
});
