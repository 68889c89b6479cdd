/** The lab itself: that its networks carry and lose packets, and that its cluster judges as one does. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { ApiClient } from "../lab/api_client.ts";
import { startContainer } from "../lab/container.ts";
import { createNode, deleteNode } from "../lab/create_node.ts";
import { hubCredentials } from "../lab/hub_credentials.ts";
import { kubeletCredentials } from "../lab/kubelet_credentials.ts";
import { LabHost } from "../lab/lab_host.ts";
import { sharedLab } from "../lab/shared_lab.ts";
import { measureTraffic } from "../lab/traffic.ts";
import type { Underlay } from "../lab/underlay.ts";

/** A link wg0 with its key, by the machine's own tools; returns the public key. */
async function makeWireGuard(host: LabHost, address: string): Promise<string> {
  await host.run(["sh", "-c", "umask 077; wg genkey > /etc/wireguard/private.key"]);
  await host.ip("link add wg0 type wireguard", `addr add ${address} dev wg0`);
  await host.run(
    ["wg", "set", "wg0", "listen-port", "51820", "private-key", "/etc/wireguard/private.key"],
  );
  await host.ip("link set wg0 up");
  return (await host.run(["wg", "show", "wg0", "public-key"])).trim();
}

async function joinTunnel(host: LabHost, key: string, endpoint: string, prefix: string) {
  await host.run(
    ["wg", "set", "wg0", "peer", key, "endpoint", `${endpoint}:51820`, "allowed-ips", prefix],
  );
}

async function tunnelOfTwo(underlay: Underlay, left: LabHost, right: LabHost): Promise<string> {
  await underlay.attach(left, ["203.0.113.11/24", "2001:db8::11/64"]);
  const port = await underlay.attach(right, ["203.0.113.12/24", "2001:db8::12/64"]);
  const leftKey = await makeWireGuard(left, "100.96.200.1/24");
  const rightKey = await makeWireGuard(right, "100.96.200.2/24");
  await joinTunnel(left, rightKey, "203.0.113.12", "100.96.200.2/32");
  await joinTunnel(right, leftKey, "203.0.113.11", "100.96.200.1/32");
  return port;
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

Deno.test("lab carries packets through kernel WireGuard, and counts those that are lost", async (t) => {
  await using lab = await sharedLab();
  const underlay = lab.underlay!;
  await using left = await LabHost.create("left");
  await using right = await LabHost.create("right");
  const port = await tunnelOfTwo(underlay, left, right);
  const traffic = { from: left, to: right, address: "100.96.200.2" };

  await t.step("ping answers over the tunnel and over IPv6 beneath it", async () => {
    const tunnel = await left.exec("ping", ["-c", "3", "-i", "0.2", "-W", "2", "100.96.200.2"]);
    assertEquals(tunnel.code, 0, tunnel.stdout);
    const beneath = await left.exec("ping", ["-c", "1", "-W", "2", "2001:db8::12"]);
    assertEquals(beneath.code, 0, beneath.stdout);
  });

  await t.step("a control run loses nothing", async () => {
    const result = await measureTraffic(traffic, () => wait(3000));
    assertGreater(result.sent, 300);
    assertEquals({ lost: result.lost, duplicated: result.duplicated }, { lost: 0, duplicated: 0 });
  });

  await t.step("a second without the link shows as a second's loss", async () => {
    const result = await measureTraffic(traffic, async () => {
      await wait(1000);
      await underlay.cut(port);
      await wait(1000);
      await underlay.mend(port);
      await wait(1000);
    });
    assertGreater(result.lost, 100);
    assertGreater(result.longestGapMs, 900);
  });
});

Deno.test("lab host keeps its files and its name to itself, and its processes end with it", async () => {
  const left = await LabHost.create("left");
  await using right = await LabHost.create("right");
  const sleeper = left.spawn("sleep", ["600"]);
  try {
    await left.writeFile("/etc/wireguard/private.key", "secret");
    assertEquals((await left.run(["hostname"])).trim(), "left");
    assertEquals((await right.exec("test", ["-e", "/etc/wireguard/private.key"])).code, 1);
    assertEquals(await left.readFile("/etc/wireguard/private.key"), "secret");
  } finally {
    await left[Symbol.asyncDispose]();
  }
  assert(await sleeper.exitCode() !== 0);
  await sleeper[Symbol.asyncDispose]();
});

Deno.test("lab process gets signals past its wrappers and reports its own exit status", async () => {
  await using host = await LabHost.create("signals");
  const script = "trap 'echo bye; exit 3' TERM; echo here; while :; do sleep 0.1; done";
  await using child = host.spawn("sh", ["-c", script]);
  await child.waitForLine(/^here$/);
  assertEquals(await child.stop("SIGTERM"), 3);
  assertEquals(child.output, "here\nbye\n");
});

Deno.test("a kubelet's certificate changes its own Node and no other, as in a real cluster", async () => {
  await using lab = await sharedLab();
  const { cluster } = lab;
  using kubelet = new ApiClient(cluster.credentials(await kubeletCredentials(cluster, "lab-own")));
  try {
    await createNode(kubelet, "lab-own", { internalIPs: ["203.0.113.11"] });
    await createNode(cluster.admin, "lab-other", { internalIPs: ["203.0.113.12"], ready: false });
    const patch = { metadata: { annotations: { "lab.test/note": "1" } } };
    const statuses = [
      (await kubelet.request("PATCH", "/api/v1/nodes/lab-own", patch)).status,
      (await kubelet.request("PATCH", "/api/v1/nodes/lab-other", patch)).status,
    ];
    assertEquals(statuses, [200, 403]);
  } finally {
    await deleteNode(cluster.admin, "lab-own");
    await deleteNode(cluster.admin, "lab-other");
  }
});

Deno.test("a hub's token is bound to its Node, and the API server comes back after an outage", async () => {
  await using lab = await sharedLab();
  const { cluster } = lab;
  await createNode(cluster.admin, "lab-hub", { externalIPs: ["203.0.113.1"] });
  try {
    const { token } = await hubCredentials(cluster, "lab-hub");
    using hub = new ApiClient(cluster.credentials({ token }));
    const whoAmI = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
    const reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const { status } = await hub.expect("POST", reviews, whoAmI) as {
      status: { userInfo: { username: string; extra: Record<string, string[]> } };
    };
    assertEquals(status.userInfo.username, "system:serviceaccount:wireguard-kube:wireguard-hub");
    assertEquals(status.userInfo.extra["authentication.kubernetes.io/node-name"], ["lab-hub"]);

    await cluster.stopApiServer("KILL");
    const down = await cluster.admin.request("GET", "/readyz").catch(() => "no answer");
    assertEquals(down, "no answer");
    await cluster.startApiServer();
    assertEquals((await hub.expect("POST", reviews, whoAmI) as typeof whoAmI).kind, whoAmI.kind);
  } finally {
    await deleteNode(cluster.admin, "lab-hub");
  }
});

Deno.test("a container is process 1 of a read-only root, with NET_ADMIN alone and what is bound in", async () => {
  await using host = await LabHost.create("node");
  await host.run(["mkdir", "-p", "/var/lib/wg-kube/state", "/run/token"]);
  const look = `
    const write = (path) => { try { Deno.writeTextFileSync(path, ""); return true; } catch { return false; } };
    const status = Deno.readTextFileSync("/proc/self/status");
    console.log(JSON.stringify({
      pid: Deno.pid,
      effective: /CapEff:\\s*(\\w+)/.exec(status)[1],
      bounding: /CapBnd:\\s*(\\w+)/.exec(status)[1],
      writes: ["/file", "/token/file", "/state/file"].map(write),
    }));`;
  await using container = await startContainer(host, {
    command: ["/usr/local/bin/deno", "eval", look],
    mounts: [
      { source: Deno.execPath(), target: "/usr/local/bin/deno" },
      { source: "/var/lib/wg-kube/state", target: "/state", writable: true },
      { source: "/run/token", target: "/token" },
    ],
    env: { NO_COLOR: "1" },
  });
  const [line] = await container.waitForLine(/^\{.*\}$/);
  const netAdmin = (1 << 12).toString(16).padStart(16, "0");
  assertEquals(JSON.parse(line), {
    pid: 1,
    effective: netAdmin,
    bounding: netAdmin,
    writes: [false, false, true],
  });
});
