/** install.sh on machines of their own, with releases that lie on their loopback. */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../lib/version.ts";
import { run } from "../lab/command.ts";
import { InstallerHost } from "../lab/installer_host.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ADDRESS = ["--address", "100.96.0.2/32"];
const INSTALLED = {
  "/etc/default/wg-spoke": "600",
  "/etc/systemd/networkd.conf.d/wg-kube.conf": "644",
  "/etc/systemd/system/wg-spoke.service": "644",
  "/usr/local/bin/wg-spoke": "755",
};
const STARTED = ["enable wg-spoke.service", "daemon-reload", "restart wg-spoke.service"];

/** Paths and modes of the files that are there now and were not before. */
function newFiles(before: readonly string[], after: readonly string[]): Record<string, string> {
  const known = new Set(before);
  const added = after.filter((line) => !known.has(line) && line.startsWith("f "));
  return Object.fromEntries(added.map((line) => [line.split(" ")[3]!, line.split(" ")[1]!]));
}

Deno.test("install.sh is POSIX sh in which shellcheck finds no fault, and of this version", async () => {
  const script = `${ROOT}install.sh`;
  await run(["shellcheck", "--shell=sh", script]);
  await run(["sh", "-n", script]);
  assertStringIncludes(await Deno.readTextFile(script), `\nversion=${VERSION}\n`);
});

Deno.test("a release has checksums of all its files, and cloud-init's are filled in", async () => {
  await using machine = await InstallerHost.create();
  const names = (await Array.fromAsync(Deno.readDir(machine.release), ({ name }) => name)).sort();
  const sums = await Deno.readTextFile(`${machine.release}/SHA256SUMS`);
  const lines = new Map(
    sums.trim().split("\n").map((line) => {
      const [sum, name] = line.split("  ");
      return [name!, sum!];
    }),
  );
  assertEquals(["SHA256SUMS", ...lines.keys()].sort(), names);
  await machine.host.run(["sh", "-c", 'cd "$1" && sha256sum -c SHA256SUMS', "sh", machine.release]);
  const cloudInit = await Deno.readTextFile(`${machine.release}/cloud-init.yaml`);
  for (const architecture of ["x86_64", "aarch64"]) {
    const sum = lines.get(`spoke-${architecture}`)!;
    assertStringIncludes(cloudInit, `sha256_${architecture}=${sum}\n`);
  }
});

Deno.test("install.sh installs and starts a spoke, changes nothing when run again, and takes all away", async () => {
  await using machine = await InstallerHost.create();
  const { host } = machine;
  await host.run(["rm", "-rf", "/etc/NetworkManager"]);
  const before = await machine.files();

  const said = await machine.install(...ADDRESS, "--dry-run");
  assertEquals([said.code, said.systemctl], [0, []], said.stderr);
  assertStringIncludes(said.stdout, `/usr/local/bin/wg-spoke: spoke-x86_64 ${VERSION}\n`);
  assertEquals(await machine.files(), before);

  const first = await machine.install(...ADDRESS);
  assertEquals([first.code, first.stderr, first.systemctl], [0, "", STARTED]);
  const folder = `wg-kube/wg-kube/releases/download/v${VERSION}`;
  assertEquals(
    first.asked,
    [...["SHA256SUMS", "wg-spoke.service", "networkd.conf", "NetworkManager.conf"], "spoke-x86_64"]
      .map((name) => `${folder}/${name}`),
  );
  assertEquals(newFiles(before, await machine.files()), INSTALLED);
  assertEquals(await host.readFile("/etc/default/wg-spoke"), "WG_ADDRESS=100.96.0.2/32\n");
  for (const name of ["wg-spoke.service", "host/networkd.conf"]) {
    const place = name.endsWith("service")
      ? "system/wg-spoke.service"
      : "networkd.conf.d/wg-kube.conf";
    assertEquals(
      await host.readFile(`/etc/systemd/${place}`),
      await Deno.readTextFile(`${ROOT}deploy/${name}`),
    );
  }

  const installed = await machine.files();
  const again = await machine.install("--address", "100.96.0.3/32");
  assertEquals([again.code, again.stderr], [0, ""]);
  assertEquals(again.systemctl, ["enable wg-spoke.service", "start wg-spoke.service"]);
  assert(!again.asked.some((path) => path.includes("spoke-x86_64")), "it is there already");
  assertStringIncludes(again.stdout, "is left as it is, with WG_ADDRESS=100.96.0.2/32");
  assertEquals(await machine.files(), installed);
  assertEquals(await machine.leftovers(), "");

  // What the spoke has made meanwhile, and what an administrator has.
  await host.writeFile("/etc/wireguard/private.key", "the key\n");
  await host.writeFile("/etc/wireguard/public.key", "made of it\n");
  await host.writeFile("/var/log/wg-spoke.log", "a log\n");
  await host.writeFile("/run/wireguard/wg7.spoke", "1 service\n");
  await host.writeFile(
    "/etc/default/wg-spoke",
    `# a comment\nWG_ADDRESS=100.96.0.9/32\nWG_INTERFACE=wg7\nWG_SITE="rack 7"\nno setting\n`,
  );
  const wouldBe = await machine.install("--uninstall", "--dry-run");
  assertEquals([wouldBe.code, wouldBe.systemctl], [0, []]);
  assertStringIncludes(wouldBe.stdout, "would run: rm -f /usr/local/bin/wg-spoke\n");
  await host.readFile("/usr/local/bin/wg-spoke");

  const gone = await machine.install("--uninstall");
  assertEquals([gone.code, gone.stderr], [0, ""]);
  assertEquals(gone.systemctl, ["disable --now wg-spoke.service", "daemon-reload"]);
  assertEquals(await host.readFile("/run/fakes/down"), "spoke-x86_64|100.96.0.9/32|rack 7\n");
  assertEquals(newFiles(before, await machine.files()), { "/etc/wireguard/private.key": "600" });
  assertStringIncludes(gone.stdout, "the key stays in /etc/wireguard/private.key");

  const purged = await machine.install("--uninstall", "--purge");
  assertEquals([purged.code, purged.stderr], [0, ""]);
  assertEquals(newFiles(before, await machine.files()), {});
  const none = await machine.install("--uninstall");
  assertEquals([none.code, none.stdout, none.systemctl], [0, "there was no spoke\n", []]);
});

Deno.test("install.sh refuses what has another checksum, or none, and leaves what was there", async () => {
  await using machine = await InstallerHost.create();
  const { host, release } = machine;
  const untouched = async (remedy: RegExp, ...args: string[]) => {
    const before = await machine.files();
    const { code, stderr, systemctl } = await machine.install(...ADDRESS, ...args);
    assertEquals([code, systemctl], [1, []], stderr);
    assert(remedy.test(stderr), stderr);
    assertEquals([await machine.files(), await machine.leftovers()], [before, ""]);
  };
  const spoil = (name: string) =>
    Deno.writeTextFile(`${release}/${name}`, "# more\n", { append: true });

  await spoil("spoke-x86_64");
  await untouched(/spoke-x86_64 has another checksum than SHA256SUMS says: nothing was changed\n$/);
  await machine.publish();
  assertEquals((await machine.install(...ADDRESS)).code, 0);

  await machine.publish("0.9.0");
  const next = ["--version", "v0.9.0"];
  await spoil("spoke-x86_64");
  await untouched(/spoke-x86_64 has another checksum/, ...next);
  await machine.publish("0.9.0");
  await spoil("wg-spoke.service");
  await untouched(/wg-spoke.service has another checksum/, ...next);
  await machine.publish("0.9.0");
  await untouched(
    /SHA256SUMS is not the one of --sums-sha256/,
    ...next,
    "--sums-sha256",
    "0".repeat(64),
  );
  const sums = await Deno.readTextFile(`${release}/SHA256SUMS`);
  await Deno.writeTextFile(`${release}/SHA256SUMS`, sums.replace(/^.*spoke-x86_64\n/m, ""));
  await untouched(/SHA256SUMS of \S+ has no line for spoke-x86_64/, ...next);
  await Deno.remove(`${release}/SHA256SUMS`);
  await untouched(/\/SHA256SUMS cannot be fetched: nothing was changed\n$/, ...next);
  // The right sums of a program that is another, or that does not run here.
  await machine.publish("0.8.0");
  await untouched(/is "spoke 0.8.0" and not spoke 0.9.0/, ...next);
  await Deno.writeTextFile(`${release}/spoke-x86_64`, "#!/no/such/loader\n");
  await machine.sum();
  await untouched(/spoke-x86_64 does not run on this machine/, ...next);
  assertEquals(await host.run(["wg-spoke", "--version"]), `spoke ${VERSION}\n`);
});

Deno.test("install.sh takes the file for the machine, replaces a program that runs, and tells NetworkManager", async () => {
  await using machine = await InstallerHost.create();
  const { host } = machine;
  await machine.setMachine("aarch64");
  await host.run(["mkdir", "-p", "/etc/NetworkManager"]);
  await machine.setActive();
  await host.writeFile(
    "/etc/default/wg-spoke",
    "WG_ADDRESS=100.96.0.5/32\nWG_INTERFACE='wg5'\n",
    0o644,
  );
  // A copy of a program that is running: writing to it would fail (ETXTBSY).
  await host.run(["cp", "/bin/sleep", "/usr/local/bin/wg-spoke"]);
  await using _old = host.spawn("/usr/local/bin/wg-spoke", ["60"]);

  const first = await machine.install();
  assertEquals([first.code, first.stderr], [0, ""]);
  assertEquals(first.systemctl, ["reload NetworkManager.service", ...STARTED]);
  assert(first.asked.at(-1)!.endsWith("/spoke-aarch64"));
  assertStringIncludes(await host.readFile("/usr/local/bin/wg-spoke"), "spoke-aarch64");
  assertStringIncludes(
    await host.readFile("/etc/NetworkManager/conf.d/wg-kube.conf"),
    "\nunmanaged-devices=interface-name:wg5\n",
  );

  await machine.publish("0.9.0");
  const sums = await run(["sha256sum", `${machine.release}/SHA256SUMS`]);
  const pinned = ["--version", "0.9.0", "--sums-sha256", sums.split(" ")[0]!];
  const second = await machine.install(...pinned, "--no-start");
  assertEquals([second.code, second.stderr], [0, ""]);
  assertEquals(second.systemctl.at(-1), "enable wg-spoke.service");
  assertEquals(await host.run(["wg-spoke", "--version"]), "spoke 0.9.0\n");

  await machine.setMachine("riscv64");
  const third = await machine.install(...pinned);
  assertEquals([third.code, third.stderr, third.asked], [
    1,
    "install.sh: there is no spoke for riscv64, but for x86_64 and aarch64\n",
    [],
  ]);
});

Deno.test("install.sh puts the program back that was there, if the new one does not start", async () => {
  await using machine = await InstallerHost.create();
  const { host } = machine;
  await machine.setBroken(VERSION);
  const none = await machine.install(...ADDRESS);
  assertEquals([none.code, none.systemctl], [1, STARTED]);
  assertEquals(
    none.stderr,
    "install.sh: the spoke does not start, and systemd goes on trying. See why: journalctl -u wg-spoke.service\n",
  );

  await machine.setBroken();
  const first = await machine.install(...ADDRESS);
  assertEquals(first.code, 0, first.stderr);
  await host.writeFile("/etc/systemd/system/wg-spoke.service", "an older unit\n", 0o644);
  const installed = await machine.files();

  await machine.publish("0.9.0");
  await machine.setBroken("0.9.0");
  const second = await machine.install("--version", "0.9.0");
  assertEquals([second.code, second.systemctl], [1, [...STARTED, ...STARTED.slice(1)]]);
  assertEquals(
    second.stderr,
    "install.sh: spoke 0.9.0 does not start: the one before is back, and runs. See why: journalctl -u wg-spoke.service\n",
  );
  assertEquals(await machine.files(), installed);
  assertEquals(await host.run(["wg-spoke", "--version"]), `spoke ${VERSION}\n`);
  assertEquals(await machine.leftovers(), "");

  await machine.setBroken("0.9.0", VERSION);
  const third = await machine.install("--version", "0.9.0");
  assertEquals(third.code, 1);
  assertStringIncludes(
    third.stderr,
    "neither 0.9.0 nor the spoke before starts; that one is back.",
  );
  assertEquals(await machine.files(), installed);
});

Deno.test("install.sh asks for an address, takes no argument that it does not know, and needs root", async () => {
  await using machine = await InstallerHost.create();
  const before = await machine.files();
  const faults: Record<string, RegExp> = {
    "":
      /^install.sh: --address is needed, since \/etc\/default\/wg-spoke is not there yet; see --help\n$/,
    "--adress 1.2.3.4/32": /unknown argument --adress/,
    "--address 100.96.0.2": /has no length: give it as 100\.96\.0\.2\/32/,
    "--address $(reboot)/32": /is none: give it as 100\.96\.0\.2\/32/,
    "--address": /--address needs a value/,
    "--version ../..": /--version: \.\.\/\.\. is none/,
    "--purge": /--purge belongs to --uninstall/,
  };
  for (const [args, message] of Object.entries(faults)) {
    const { code, stderr, asked } = await machine.install(...args.split(" ").filter(Boolean));
    assertEquals([code, asked], [2, []], stderr);
    assert(message.test(stderr), stderr);
  }
  const plain = await machine.install(...ADDRESS, "--url", "http://github.com/release");
  assertNotEquals(plain.code, 0);
  assertEquals(plain.asked, []);
  const command = [
    "setpriv",
    "--reuid=65534",
    "--clear-groups",
    "sh",
    `${ROOT}install.sh`,
    ...ADDRESS,
  ];
  const { code, stderr } = await machine.host.exec(command[0]!, command.slice(1));
  assertEquals([code, stderr], [1, "install.sh: this needs root: run it by sudo\n"]);
  await machine.host.run(["rm", "/run/fakes/systemctl"]);
  await machine.host.bind("/dev/null", "/usr/bin/systemctl");
  const elsewhere = await machine.install(...ADDRESS);
  assertEquals(elsewhere.code, 1);
  assertStringIncludes(elsewhere.stderr, "this machine has no systemd");
  assertEquals(await machine.files(), before);
});
