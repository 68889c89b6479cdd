import { parse } from "@std/yaml/parse";

const CLOUD_INIT = new URL("../../deploy/cloud-init.yaml", import.meta.url);
const UNIT = "/etc/systemd/system/wg-spoke.service";

/** A file as cloud-init writes it. */
export interface BootFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** As much of a systemd unit as the lab obeys (systemd.exec(5), systemd.service(5)). */
export interface ServiceUnit {
  /** The program's path and its arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Capabilities that the program may ever have, e.g. `cap_net_admin`. */
  readonly capabilities: readonly string[];
}

interface CloudConfig {
  readonly "write_files": readonly { path: string; content: string; permissions: string }[];
}

/** The files that `deploy/cloud-init.yaml` writes. */
export async function bootFiles(): Promise<BootFile[]> {
  const config: CloudConfig = parse(await Deno.readTextFile(CLOUD_INIT));
  return config.write_files.map(({ path, content, permissions }) => ({
    path,
    content,
    mode: parseInt(permissions, 8),
  }));
}

/**
 * How systemd starts the spoke from these files.
 *
 * @throws {Error} when one of them is missing, or the unit does not say how.
 */
export function spokeUnit(files: readonly BootFile[]): ServiceUnit {
  const textOf = (path: string) => {
    const file = files.find((one) => one.path === path);
    if (file === undefined) throw new Error(`cloud-init does not write ${path}`);
    return file.content;
  };
  const settings = textOf(UNIT).split("\n").filter((line) => /^\w+=/.test(line));
  const valuesOf = (name: string) =>
    settings.filter((line) => line.startsWith(`${name}=`)).map((line) =>
      line.slice(name.length + 1)
    );
  const environmentFiles = valuesOf("EnvironmentFile").map((path) => path.replace(/^-/, ""));
  const variables = [
    ...valuesOf("Environment"),
    ...environmentFiles.flatMap((path) => textOf(path).split("\n").filter(Boolean)),
  ].map((line) => /^(\w+)=(.*)$/.exec(line)!);
  const [start] = valuesOf("ExecStart");
  if (start === undefined) throw new Error(`${UNIT} has no ExecStart`);
  return {
    command: start.split(" "),
    env: Object.fromEntries(variables.map(([, name, value]) => [name!, value!])),
    capabilities: valuesOf("CapabilityBoundingSet").flatMap((value) =>
      value.toLowerCase().split(" ")
    ),
  };
}
