import { assert, assertEquals, assertMatch } from "@std/assert";
import type { LabHost } from "../lab/lab_host.ts";
import type { LabProcess } from "../lab/lab_process.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";
import { measureTraffic } from "../lab/traffic.ts";

const BEHIND_HUB = "198.51.100.1";
const BEHIND_GATEWAY = "192.0.2.1";
/** Two of the keepalives that a spoke sends, in ms. */
const TWO_KEEPALIVES = 50_000;

/** What a DHCP client does with its lease, as the scripts of distributions do it. */
const CLIENT_SCRIPT = `#!/bin/sh
case "$1" in
  deconfig) ip -4 addr flush dev "$interface" ;;
  bound|renew)
    ip addr replace "$ip/$mask" dev "$interface"
    ip route replace default via "$router" dev "$interface" ;;
esac
echo "lease: $1 $ip"
`;

/** A machine with its address and its default route from DHCP, and everything through the tunnel. */
export async function spokeDhcpScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
  number: number,
): Promise<void> {
  await using bench = await SpokeBench.create({ kind, number });
  const { spoke, hub, gateway } = bench;
  const router = `203.0.113.${number + 2}`;
  const defaultRoute = async () => await spoke.run(["ip", "route", "show", "default"]);
  await spoke.run(["ip", "-4", "addr", "flush", "dev", "eth0"]);
  const server = await startServer(gateway, router, `203.0.113.${number + 1}`);
  await spoke.writeFile("/etc/lease.sh", CLIENT_SCRIPT, 0o755);
  await using client = spoke.spawn("busybox", [
    ...["udhcpc", "-f", "-i", "eth0", "-s", "/etc/lease.sh", "-t", "20", "-T", "1"],
  ]);
  await client.waitForLine(new RegExp(`^lease: bound 203\\.0\\.113\\.${number + 1}$`));
  const process = bench.startSpoke({ HUB_ALLOWED_IPS: "0.0.0.0/0,100.96.0.1/32" });
  await bench.join();
  await bench.reaches(BEHIND_HUB);
  assert(!await bench.answers(BEHIND_GATEWAY), "the default route leads into the tunnel");

  await t.step("a DHCP renewal: nothing is lost, the machine's default route stays", async () => {
    const { lost, refused } = await measureTraffic(
      { from: spoke, to: hub, address: BEHIND_HUB },
      async () => {
        await client.kill("SIGUSR1");
        await client.waitForLine(/^lease: renew/);
      },
    );
    assertEquals({ lost, refused }, { lost: 0, refused: 0 });
    assertMatch(await defaultRoute(), new RegExp(`^default via ${router} dev eth0`));
  });

  await t.step("another address by DHCP: back within two keepalives, not restarted", async () => {
    await server.stop();
    await using _other = await startServer(gateway, router, `203.0.113.${number + 5}`);
    await client.kill("SIGUSR2"); // gives the lease back
    await client.waitForLine(/^lease: deconfig[^]*^lease: deconfig/);
    await client.kill("SIGUSR1");
    await client.waitForLine(new RegExp(`^lease: bound 203\\.0\\.113\\.${number + 5}$`));
    const begin = Date.now();
    await bench.reaches(BEHIND_HUB);
    assert(Date.now() - begin < TWO_KEEPALIVES);
    assert(!process.ended);
    assertMatch(await defaultRoute(), new RegExp(`^default via ${router} dev eth0`));
    assert(!await bench.answers(BEHIND_GATEWAY), "the tunnel's default route is in force");
    await bench.labelComesBack(); // the API is reached from the new address, too
  });
}

/** A DHCP server that has one address to give. */
async function startServer(gateway: LabHost, router: string, address: string): Promise<LabProcess> {
  await gateway.writeFile(
    "/etc/udhcpd.conf",
    [
      ...["interface eth0", `start ${address}`, `end ${address}`, "lease_file /run/leases"],
      ...["pidfile /run/udhcpd.pid", `option router ${router}`, "option subnet 255.255.255.0"],
      "option lease 600\n",
    ].join("\n"),
  );
  await gateway.writeFile("/run/leases", "");
  const server = gateway.spawn("busybox", ["udhcpd", "-f", "/etc/udhcpd.conf"]);
  await server.waitForLine(/started/);
  return server;
}
