import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { bootFiles } from "../lab/cloud_init.ts";
import { runCloudInit } from "../lab/cloud_init_program.ts";
import { type CommandResult, tryRun } from "../lab/command.ts";
import { createAuthority, issueCertificate } from "../lab/x509.ts";

const DEPLOY = new URL("../../deploy/", import.meta.url).pathname;
const INSTALLER = "/usr/local/sbin/install-wg-spoke";
/** What is taken for a release. */
const SPOKE = "#!/bin/sh\necho it is the spoke\n";

/** Runs something with a folder of its own, which goes afterwards. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a program on this machine as it would be with that folder as /usr/local/bin. */
function withPrograms(
  folder: string,
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<CommandResult> {
  const script = `mount --bind "$0" /usr/local/bin && exec "$@"`;
  return tryRun(["unshare", "--mount", "sh", "-c", script, folder, ...command], { env });
}

async function writeProgram(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, 0o755);
}

Deno.test("cloud-init finds no fault in deploy/cloud-init.yaml, and would find one", async () => {
  const check = (file: string) => runCloudInit(["schema", "--config-file", file]);
  const { code, stdout, stderr } = await check(`${DEPLOY}cloud-init.yaml`);
  assertEquals([code, stderr], [0, ""], stdout);
  assertStringIncludes(stdout, "Valid cloud-config");
  await inFolder(async (folder) => {
    const text = await Deno.readTextFile(`${DEPLOY}cloud-init.yaml`);
    await Deno.writeTextFile(`${folder}/x`, text.replace("permissions:", "permission:"));
    assertNotEquals((await check(`${folder}/x`)).code, 0);
  });
});

Deno.test("systemd finds no fault in deploy/wg-spoke.service, and would find one", async () => {
  await inFolder(async (folder) => {
    await writeProgram(`${folder}/wg-spoke`, SPOKE);
    const check = async (file: string) => {
      const command = ["systemd-analyze", "verify", "--man=no", file];
      const { code, stdout, stderr } = await withPrograms(folder, command);
      return { code, said: (stdout + stderr).split("\n").filter((line) => /wg-spoke/.test(line)) };
    };
    assertEquals(await check(`${DEPLOY}wg-spoke.service`), { code: 0, said: [] });
    const unit = await Deno.readTextFile(`${DEPLOY}wg-spoke.service`);
    await Deno.writeTextFile(`${folder}/wg-spoke.service`, unit.replace("KillMode", "KilMode"));
    const { said } = await check(`${folder}/wg-spoke.service`);
    assertStringIncludes(said.join("\n"), "KilMode");
  });
});

/** What the installer of cloud-init.yaml did. */
interface Installed {
  readonly code: number;
  /** What lies in /usr/local/bin afterwards, and what its mode is. */
  readonly programs: readonly string[];
  readonly text: string | undefined;
  /** The arguments of each call of systemctl. */
  readonly systemctl: readonly string[];
  /** What it asked the server for. */
  readonly asked: readonly string[];
  /** What it left in the folder of temporary files. */
  readonly left: readonly string[];
}

/**
 * Runs the installer as cloud-init does, with that checksum filled in. The machine that it fetches
 * from is the one of its URL by name and certificate, but stands on loopback.
 */
async function install(sha256: string): Promise<Installed> {
  const result: Installed[] = [];
  await inFolder(async (folder) => {
    const of = (name: string) => `${folder}/${name}`;
    for (const name of ["programs", "fakes", "tmp", "home"]) await Deno.mkdir(of(name));
    const authority = await createAuthority("releases");
    const { certificate, key } = await issueCertificate(authority, {
      commonName: "github.com",
      hostNames: ["github.com"],
    });
    const asked: string[] = [];
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, cert: certificate, key, onListen: () => {} },
      (request) => {
        asked.push(request.url);
        return new Response(SPOKE);
      },
    );
    await Deno.writeTextFile(of("authority.pem"), authority.certificate);
    await Deno.writeTextFile(
      of("home/.curlrc"),
      `connect-to = "github.com:443:127.0.0.1:${server.addr.port}"\ncacert = "${
        of("authority.pem")
      }"\nnoproxy = "*"\n`,
    );
    await writeProgram(of("fakes/systemctl"), `#!/bin/sh\necho "$@" >> ${of("calls")}\n`);
    const script = (await bootFiles()).find(({ path }) => path === INSTALLER)!.content;
    await writeProgram(
      of("installer"),
      script.replaceAll(/^(sha256_\w+)=0{64}$/gm, `$1=${sha256}`),
    );
    const { code } = await withPrograms(of("programs"), [of("installer")], {
      PATH: `${of("fakes")}:/usr/bin:/bin`,
      HOME: of("home"),
      TMPDIR: of("tmp"),
    });
    const namesIn = (name: string) => Array.from(Deno.readDirSync(of(name)), ({ name }) => name);
    result.push({
      code,
      programs: namesIn("programs").map((name) =>
        `${name} ${(Deno.statSync(of(`programs/${name}`)).mode! & 0o777).toString(8)}`
      ),
      text: await Deno.readTextFile(of("programs/wg-spoke")).catch(() => undefined),
      systemctl: (await Deno.readTextFile(of("calls")).catch(() => "")).split("\n").filter(Boolean),
      asked: asked.map((url) => new URL(url).pathname),
      left: namesIn("tmp"),
    });
  });
  return result[0]!;
}

async function sha256Of(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

Deno.test("the installer of cloud-init.yaml installs and starts what has the right checksum", async () => {
  const { asked, ...done } = await install(await sha256Of(SPOKE));
  assertEquals(done, {
    code: 0,
    programs: ["wg-spoke 755"],
    text: SPOKE,
    systemctl: ["daemon-reload", "enable --now wg-spoke.service"],
    left: [],
  });
  assertEquals(asked.length, 1);
  const [path] = asked as [string];
  assert(/\/download\/v\d+\.\d+\.\d+\/spoke-(x86_64|aarch64)$/.test(path), path);
});

Deno.test("the installer of cloud-init.yaml refuses what has another checksum, and leaves nothing", async () => {
  for (const sha256 of [await sha256Of(`${SPOKE} `), "0".repeat(64)]) {
    const { code, asked, ...left } = await install(sha256);
    assertNotEquals(code, 0);
    assertEquals(asked.length, 1);
    assertEquals(left, { programs: [], text: undefined, systemctl: [], left: [] });
  }
});
