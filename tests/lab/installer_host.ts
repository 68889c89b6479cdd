import { VERSION } from "../../lib/version.ts";
import { assembleRelease, EXECUTABLES } from "../../tasks/release.ts";
import type { CommandResult } from "./command.ts";
import { LabHost } from "./lab_host.ts";
import { createAuthority, issueCertificate } from "./x509.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const PROGRAM = new URL("release_program.ts", import.meta.url).pathname;
/** What stands in systemd's place, and in that of uname. */
const FAKES = "/run/fakes";
/** The folders in which an installer may leave something. */
const PLACES = ["/etc", "/run", "/usr/local", "/var/lib", "/var/log"];

/** What a run of install.sh did. */
export interface InstallerRun extends CommandResult {
  /** The arguments of each call of systemctl. */
  readonly systemctl: readonly string[];
  /** The names of the files that the release was asked for. */
  readonly asked: readonly string[];
}

/**
 * A machine for install.sh, with a release to install from: that has its name and an authority that the
 * machine trusts, but stands on its loopback. systemd is a stand-in that writes down what it is told.
 */
export class InstallerHost implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;

  private constructor(
    readonly host: LabHost,
    /** Where the files of the release lie. */
    readonly release: string,
    stack: AsyncDisposableStack,
  ) {
    this.#stack = stack;
  }

  /** A machine that has nothing of ours, and a release that has all. */
  static async create(): Promise<InstallerHost> {
    await using stack = new AsyncDisposableStack();
    const host = stack.use(await LabHost.create("edge-2"));
    const folder = await Deno.makeTempDir();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    for (const name of ["bin", "release"]) await Deno.mkdir(`${folder}/${name}`);
    await host.bind(`${folder}/bin`, "/usr/local/bin");
    await host.writeFile("/etc/hosts", "127.0.0.1 localhost github.com\n", 0o644);
    const calls = `echo "$@" >> ${FAKES}/calls`;
    const restart = `! wg-spoke --version | grep -qxFf ${FAKES}/broken`;
    await host.writeFile(
      `${FAKES}/systemctl`,
      `#!/bin/sh\ncase "$1 $2" in *is-active) [ -e ${FAKES}/active ] ;; ` +
        `*) ${calls}; case $1 in restart) ${restart} ;; esac ;; esac\n`,
      0o755,
    );
    await host.writeFile(`${FAKES}/broken`, "");
    await host.writeFile(`${FAKES}/uname`, `#!/bin/sh\ncat ${FAKES}/machine\n`, 0o755);
    await host.run(["mkdir", "-p", "/run/systemd/system", `${FAKES}/tmp`]);
    const authority = await createAuthority("releases");
    const server = await issueCertificate(authority, {
      commonName: "github.com",
      hostNames: ["github.com"],
    });
    await host.writeFile(`${FAKES}/authority.pem`, authority.certificate);
    await host.writeFile(`${FAKES}/server.pem`, server.certificate);
    await host.writeFile(`${FAKES}/server.key`, server.key);
    const releases = stack.use(host.spawn(Deno.execPath(), [
      ...["run", "--no-config", "--no-check", "-A", PROGRAM, `${folder}/release`],
      ...[`${FAKES}/server.pem`, `${FAKES}/server.key`, `${FAKES}/asked`],
    ]));
    await releases.waitForLine(/^ready$/);
    const machine = new InstallerHost(host, `${folder}/release`, stack.move());
    await machine.setMachine("x86_64");
    await machine.publish();
    return machine;
  }

  /** What `uname -m` says. */
  async setMachine(name: string): Promise<void> {
    await this.host.writeFile(`${FAKES}/machine`, `${name}\n`);
  }

  /** Whether systemd says of every service that it is asked for that it is active. */
  async setActive(): Promise<void> {
    await this.host.writeFile(`${FAKES}/active`, "");
  }

  /** Which versions do not start as a service. */
  async setBroken(...versions: string[]): Promise<void> {
    await this.host.writeFile(`${FAKES}/broken`, versions.map((one) => `spoke ${one}\n`).join(""));
  }

  /** A release as it is made, but of spokes that are scripts and tell their version. */
  async publish(version = VERSION): Promise<void> {
    const dist = await Deno.makeTempDir();
    try {
      for (const name of EXECUTABLES) {
        await Deno.writeTextFile(`${dist}/${name}`, spokeScript(version, name));
      }
      await assembleRelease({ dist, folder: this.release, sbom: "{}\n" });
    } finally {
      await Deno.remove(dist, { recursive: true });
    }
  }

  /** Writes SHA256SUMS anew, for the files as they are now. */
  async sum(): Promise<void> {
    const script = 'cd "$1" && rm -f SHA256SUMS && sha256sum -- * > SHA256SUMS';
    await this.host.run(["sh", "-c", script, "sh", this.release]);
  }

  /** Runs install.sh as a user would, with nothing in the environment that would help. */
  async install(...args: string[]): Promise<InstallerRun> {
    await this.host.run(["rm", "-f", `${FAKES}/calls`, `${FAKES}/asked`]);
    const result = await this.host.exec("sh", [`${ROOT}install.sh`, ...args], {
      clearEnv: true,
      env: {
        PATH: `${FAKES}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        TMPDIR: `${FAKES}/tmp`,
        CURL_CA_BUNDLE: `${FAKES}/authority.pem`,
      },
    });
    const linesOf = async (name: string) =>
      (await this.host.exec("cat", [`${FAKES}/${name}`])).stdout.split("\n").filter(Boolean);
    return { ...result, systemctl: await linesOf("calls"), asked: await linesOf("asked") };
  }

  /** Every file and folder where an installer may leave something: kind, mode, size and path. */
  async files(): Promise<string[]> {
    const listing = await this.host.run([
      ...[
        "find",
        ...PLACES,
        "(",
        "-path",
        "/run/.layers",
        "-o",
        "-path",
        `${FAKES}/*`,
        ")",
        "-prune",
      ],
      ...["-o", "-type", "f", "-printf", "%y %m %s %p\\n", "-o", "-printf", "%y %m - %p\\n"],
    ]);
    return listing.split("\n").filter(Boolean).sort();
  }

  /** What lies in the folder of temporary files. */
  async leftovers(): Promise<string> {
    return await this.host.run(["ls", "-A", `${FAKES}/tmp`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** A spoke that tells its version, and writes down under what variables it was told `down`. */
function spokeScript(version: string, name: string): string {
  return `#!/bin/sh
case $1 in
  --version) echo "spoke ${version}" ;;
  down) printf '%s|%s|%s\\n' ${name} "$WG_ADDRESS" "$WG_SITE" > ${FAKES}/down ;;
esac
`;
}
