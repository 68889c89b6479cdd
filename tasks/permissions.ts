import { HUB_OPTIONS } from "../lib/options/hub_options.ts";
import type { Option } from "../lib/options/option.ts";

/** The programs that are built; each has its entry point `NAME.ts`. */
export const PROGRAMS = ["hub", "spoke"] as const;
export type ProgramName = typeof PROGRAMS[number];

/** What a program may do, kind by kind, in Deno's words. `true`: without bounds. */
interface Permissions {
  readonly net: true;
  readonly read: true;
  readonly write: true;
  readonly ffi: true;
  readonly env: true | readonly string[];
  readonly run: true | readonly string[];
  readonly sys: readonly string[];
}

/**
 * What both need:
 * - `net`: the API server's address is known only at run time, and so is the socket of wireguard-go.
 * - `read`: a kubeconfig names certificates and tokens anywhere.
 * - `write`: the key file and the log file are where the user says; and a connection to a Unix
 *   socket asks for it.
 * - `ffi`: netlink goes through libc. It cannot be bounded: Deno looks a bare library name up in the
 *   working directory then, and pointers need the unbounded permission anyway.
 *
 * So against a program that has been taken over it is not these bounds that hold, but those of the
 * container (read-only root, NET_ADMIN alone) and of the systemd unit. These bounds are there against
 * our own mistakes and those of libraries.
 */
const COMMON = { net: true, read: true, write: true, ffi: true } as const;

/** The least that each program needs: the only place where that is said. */
const PERMISSIONS: Readonly<Record<ProgramName, Permissions>> = {
  hub: {
    ...COMMON,
    // Every other variable reads as unset, also to libraries.
    env: [
      ...Object.values<Option>(HUB_OPTIONS).map(({ variable }) => variable),
      "KUBERNETES_SERVICE_HOST",
      "KUBERNETES_SERVICE_PORT",
    ],
    // By path: a bare name that is nowhere makes Deno complain at each start.
    run: ["/usr/bin/wireguard-go", "/usr/local/bin/wireguard-go"],
    sys: [],
  },
  spoke: {
    ...COMMON,
    // A kubeconfig may name any program as its credential plugin, and that needs its environment.
    env: true,
    // Besides plugins: wireguard-go, and the spoke itself, in the background.
    run: true,
    sys: ["hostname"],
  },
};

/**
 * What the runtime is told besides. V8 lets the space of new objects grow to 16 MB and more before it
 * tidies up; a spoke that waits makes few of them, and halves what it occupies. So does a hub with
 * 5,000 Nodes, which is also to look through the old ones before they are a third more: its turns then
 * take some milliseconds longer (docs/performance.md).
 */
export const ENGINE_FLAGS: Readonly<Record<ProgramName, readonly string[]>> = {
  hub: ["--v8-flags=--max-semi-space-size=1,--heap-growing-percent=30"],
  spoke: ["--v8-flags=--max-semi-space-size=1"],
};

/** The permissions as flags of `deno run` and `deno compile`: complete, and never asked for. */
export function permissionFlags(program: ProgramName): string[] {
  const { env, ...others } = PERMISSIONS[program];
  const flags = Object.entries<true | readonly string[]>(others)
    .filter(([, scope]) => scope === true || scope.length > 0)
    .map(([kind, scope]) => `--allow-${kind}${scope === true ? "" : `=${scope.join(",")}`}`);
  const envFlags = env === true
    ? ["--allow-env"]
    : [`--allow-env=${env.join(",")}`, "--ignore-env"];
  // Importing from a handful of hosts is allowed unless it is denied.
  return ["--no-prompt", ...flags, ...envFlags, "--deny-import"];
}

/** Permissions, and what else the runtime is told, as flags of `deno run` and `deno compile`. */
export function runtimeFlags(program: ProgramName): string[] {
  return [...ENGINE_FLAGS[program], ...permissionFlags(program)];
}

/**
 * The arguments with which `deno` runs a bundled program exactly as its executable would run:
 * nothing is fetched, no configuration is read.
 *
 * @param bundle the path of `dist/hub/hub.js` or `dist/spoke/spoke.js`.
 */
export function runArguments(program: ProgramName, bundle: string): string[] {
  return [
    "run",
    "--quiet",
    "--no-config",
    "--no-remote",
    "--no-npm",
    ...runtimeFlags(program),
    bundle,
  ];
}
