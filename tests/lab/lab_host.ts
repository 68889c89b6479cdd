import { CommandError, type CommandOptions, type CommandResult, tryRun } from "./command.ts";
import { childOf, LabProcess, type LabProcessOptions } from "./lab_process.ts";

/** What `nsenter` is asked to enter: everything that makes a host. */
const NAMESPACES = ["--net", "--mount", "--uts", "--ipc", "--pid"];

/**
 * A machine for tests: namespaces of its own for network, mounts, host name, IPC and processes, with
 * its own /run, /etc, /var/lib and /var/log over the machine's, so that several run a program with
 * its default paths side by side. /tmp and everything else is shared. Needs root.
 *
 * A process holds the namespaces; it ends with us at the latest, and all that runs in the host with it.
 */
export class LabHost implements AsyncDisposable {
  readonly #anchor: LabProcess | undefined;

  private constructor(
    readonly name: string,
    /** Process 1 of the host, as it is numbered here. */
    readonly pid: number,
    anchor?: LabProcess,
  ) {
    this.#anchor = anchor;
  }

  /** Makes a host of that host name. Its loopback is up; it has no other link. */
  static async create(name: string): Promise<LabHost> {
    const script = new URL("host_anchor.sh", import.meta.url).pathname;
    const anchor = new LabProcess([
      ...["unshare", ...NAMESPACES, "--fork", "--kill-child", "--mount-proc"],
      ...["bash", script, name],
    ], { input: true, wrappers: 1 });
    try {
      await anchor.waitForLine(/^ready$/);
      const pid = await childOf(anchor.pid);
      if (pid === undefined) throw new Error(`host ${name} ended at once:\n${anchor.output}`);
      return new LabHost(name, pid, anchor);
    } catch (thrown) {
      await anchor[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** A host that another process of the same run has made and keeps. Disposing does nothing. */
  static join(name: string, pid: number): LabHost {
    return new LabHost(name, pid);
  }

  /** The command line that runs a program in this host. */
  commandLine(command: readonly string[]): string[] {
    // --wd: in the folder that the host was made in, which is ours; else it would be the root.
    return ["nsenter", `--target=${this.pid}`, ...NAMESPACES, "--wd", "--", ...command];
  }

  /** Runs a program here to its end. Any exit status is an answer. */
  async exec(
    program: string,
    args: readonly string[] = [],
    options: CommandOptions = {},
  ): Promise<CommandResult> {
    return await tryRun(this.commandLine([program, ...args]), options);
  }

  /**
   * Runs a program here to its end and returns its standard output.
   *
   * @throws {CommandError} unless it ended with status 0.
   */
  async run(command: readonly string[], options: CommandOptions = {}): Promise<string> {
    const result = await tryRun(this.commandLine(command), options);
    if (result.code !== 0) throw new CommandError([`${this.name}:`, ...command], result);
    return result.stdout;
  }

  /** Starts a program here. `kill` reaches the program itself. */
  spawn(
    program: string,
    args: readonly string[] = [],
    options: LabProcessOptions = {},
  ): LabProcess {
    return new LabProcess(this.commandLine([program, ...args]), {
      ...options,
      wrappers: 1 + (options.wrappers ?? 0),
    });
  }

  /** Several commands of ip(8) in one process, in order; the first that fails ends it. */
  async ip(...commands: string[]): Promise<void> {
    await this.run(["ip", "-batch", "-"], { stdin: `${commands.join("\n")}\n` });
  }

  /** Shows a file or folder of the machine at a path of this host, read-only if wanted. */
  async bind(source: string, target: string, { readOnly = false } = {}): Promise<void> {
    const isFolder = (await Deno.stat(source)).isDirectory;
    const make = isFolder ? 'mkdir -p "$2"' : 'mkdir -p "${2%/*}" && : >> "$2"';
    const remount = readOnly ? ' && mount -o remount,bind,ro "$2"' : "";
    await this.run(["sh", "-c", `${make} && mount --bind "$1" "$2"${remount}`, "", source, target]);
  }

  /** Writes a file in this host, with folders, by default readable by root only. */
  async writeFile(path: string, text: string, mode = 0o600): Promise<void> {
    const script = 'mkdir -p "${1%/*}" && umask 077 && cat > "$1" && chmod "$2" "$1"';
    await this.run(["sh", "-c", script, "", path, mode.toString(8)], { stdin: text });
  }

  /** Reads a file of this host. */
  async readFile(path: string): Promise<string> {
    return await this.run(["cat", path]);
  }

  /** Another network with nobody else in it (a bridge: every kernel has those), e.g. a hub's internal side. */
  async addNetwork(device: string, ...addresses: string[]): Promise<void> {
    await this.ip(
      `link add ${device} type bridge`,
      ...addresses.map((address) => `addr add ${address} dev ${device}`),
      `link set ${device} up`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#anchor?.[Symbol.asyncDispose]();
  }
}
