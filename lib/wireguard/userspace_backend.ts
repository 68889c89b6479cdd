import type { Network } from "../netlink/network.ts";
import { ERRNO, SystemError } from "../netlink/system_error.ts";
import { messageOf } from "../user_error.ts";
import type { Device, DeviceConfig, WireGuardBackend } from "./device.ts";
import { privateKeyFromBytes } from "./key.ts";
import {
  decodeUapiDevice,
  encodeUapiConfig,
  GET_REQUEST,
  parseReply,
  readReply,
  type UapiReply,
} from "./uapi_codec.ts";

/** The program that is started, found by PATH; and where it and all its like put their sockets. */
export const USERSPACE_PROGRAM = "wireguard-go";
const SOCKET_DIRECTORY = "/var/run/wireguard";

/** Milliseconds. */
const REQUEST_LIMIT = 10_000;
const START_LIMIT = 10_000;
const START_LOOK_EVERY = 20;

/**
 * WireGuard of a program such as wireguard-go, on a TUN interface, for kernels that have none. It is
 * spoken to through a Unix socket that is named after the interface. Needs permission to run the
 * program, and net, read and write for the socket.
 */
export class UserspaceBackend implements WireGuardBackend {
  readonly kind = "userspace";
  readonly #network: Network;

  /** @param network looks for the links. */
  constructor(network: Network) {
    this.#network = network;
  }

  /** Starts the program, which goes to the background and lives until its link is deleted. */
  async create(name: string): Promise<void> {
    if (this.#network.link(name)) throw new SystemError(`create link ${name}`, ERRNO.EEXIST);
    await startProgram(name);
    const limit = AbortSignal.timeout(START_LIMIT);
    while (!this.#network.link(name) || !await hasUapiSocket(name)) {
      if (limit.aborted) throw new SystemError(`start ${USERSPACE_PROGRAM}`, ERRNO.ETIMEDOUT);
      await new Promise((resolve) => setTimeout(resolve, START_LOOK_EVERY));
    }
  }

  async read(name: string): Promise<Device | undefined> {
    // The socket's directory is shared by all network namespaces; the link tells which is ours.
    if (!this.#network.link(name) || !await hasUapiSocket(name)) return undefined;
    const operation = `read ${name}`;
    const { lines } = await exchange(operation, name, GET_REQUEST);
    const { privateKey, ...reading } = decodeUapiDevice(name, lines);
    if (privateKey === undefined) return reading;
    return { ...reading, privateKey: await privateKeyFromBytes(privateKey) };
  }

  async configure(name: string, config: DeviceConfig): Promise<void> {
    await exchange(`configure ${name}`, name, encodeUapiConfig(config));
  }
}

/** Whether a program listens on the socket of that interface; a socket file alone may be a leftover. */
export async function hasUapiSocket(name: string): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ transport: "unix", path: socketPath(name) });
    return true;
  } catch (error) {
    const absent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.ConnectionRefused;
    if (absent) return false;
    throw error;
  }
}

/** Whether the program can be started here. */
export async function isUserspaceProgramInstalled(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(USERSPACE_PROGRAM, {
      args: ["--version"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(START_LIMIT),
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function socketPath(name: string): string {
  return `${SOCKET_DIRECTORY}/${name}.sock`;
}

async function startProgram(name: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(USERSPACE_PROGRAM, {
    args: [name],
    env: {
      // It refuses where it believes that the kernel could do it; this was decided before.
      WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD: "1",
      // Errors only; and with the variable empty, its background half lets go of our pipe.
      LOG_LEVEL: "",
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(START_LIMIT),
  }).output();
  if (success) return;
  const lines = new TextDecoder().decode(stderr).trim().split("\n");
  throw new Error(`${USERSPACE_PROGRAM} ${name} failed: ${lines.at(-1)}`);
}

/** One request on a connection of its own. @throws {SystemError} what the program refuses. */
async function exchange(operation: string, name: string, request: string): Promise<UapiReply> {
  using connection = await Deno.connect({ transport: "unix", path: socketPath(name) })
    .catch((error) => {
      throw new Error(`${operation}: ${messageOf(error)}`, { cause: error });
    });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    connection.close(); // ends the read that waits
  }, REQUEST_LIMIT);
  try {
    await writeAll(connection, new TextEncoder().encode(request));
    const reply = parseReply(await readReply(connection));
    if (reply.errno !== 0) throw new SystemError(operation, reply.errno);
    return reply;
  } catch (error) {
    if (late) throw new SystemError(operation, ERRNO.ETIMEDOUT);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}
