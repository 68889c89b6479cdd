import { resolveFamily } from "../netlink/genetlink.ts";
import type { Network } from "../netlink/network.ts";
import { NetlinkSocket } from "../netlink/socket.ts";
import { ERRNO, SystemError } from "../netlink/system_error.ts";
import { NETLINK, openTransport } from "../netlink/transport.ts";
import type { Device, DeviceConfig, WireGuardBackend } from "./device.ts";
import { type PrivateKey, privateKeyFromBytes } from "./key.ts";
import { decodeDevice, encodeConfig, encodeGetDevice } from "./netlink_codec.ts";

/** The link kind, and the generic netlink family. */
export const WIREGUARD = "wireguard";

/** WireGuard of the kernel. Needs CAP_NET_ADMIN in the namespace, for reading too. */
export class KernelBackend implements WireGuardBackend, Disposable {
  readonly kind = "kernel";
  readonly #network: Network;
  readonly #socket = new NetlinkSocket(openTransport(NETLINK.GENERIC));
  readonly #keys = new Map<string, PrivateKey>();
  #family: number | undefined;

  /** @param network makes the links; it stays the caller's to dispose of. */
  constructor(network: Network) {
    this.#network = network;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /** Whether this kernel has WireGuard. Where it is a module, it is loaded for this. */
  isSupported(): boolean {
    return this.#resolve() !== undefined;
  }

  // deno-lint-ignore require-await -- the interface allows for backends that wait
  async create(name: string): Promise<void> {
    this.#network.createLink({ name, kind: WIREGUARD });
  }

  async read(name: string): Promise<Device | undefined> {
    const type = this.#resolve();
    if (type === undefined) return undefined;
    const body = encodeGetDevice(name);
    try {
      const answers = this.#socket.dump(`read ${name}`, { type, flags: 0, body });
      const { privateKey, ...reading } = decodeDevice(answers.map((answer) => answer.body));
      if (privateKey === undefined) return reading;
      return { ...reading, privateKey: await this.#derived(name, privateKey) };
    } catch (error) {
      if (isNoWireGuard(error)) return undefined;
      throw error;
    }
  }

  async configure(name: string, config: DeviceConfig): Promise<void> {
    const type = this.#resolve();
    const operation = `configure ${name}`;
    if (type === undefined) throw new SystemError(operation, ERRNO.EOPNOTSUPP);
    for (const [at, body] of encodeConfig(name, config).entries()) {
      // A message can keep the kernel busy for long (new peers cost a key exchange each).
      if (at > 0) await new Promise((resolve) => setImmediate(resolve)); // a timer waits for a tick
      this.#socket.execute(operation, { type, flags: 0, body });
    }
  }

  #resolve(): number | undefined {
    return this.#family ??= resolveFamily(this.#socket, WIREGUARD);
  }

  /** Deriving the public key costs more than reading a small device: done only when the key changed. */
  async #derived(name: string, bytes: Uint8Array): Promise<PrivateKey> {
    const known = this.#keys.get(name);
    const same = known?.bytes().every((byte, at) => byte === bytes[at]);
    if (known && same) return known;
    const key = await privateKeyFromBytes(bytes);
    this.#keys.set(name, key);
    return key;
  }
}

/** What the kernel answers if there is no such link, or it is of another kind. */
function isNoWireGuard(error: unknown): boolean {
  return error instanceof SystemError &&
    (error.errno === ERRNO.ENODEV || error.errno === ERRNO.EOPNOTSUPP);
}
