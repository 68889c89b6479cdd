import { runArguments } from "../../tasks/permissions.ts";
import { addressBytes, parseAddress } from "../../lib/ip/address.ts";
import { generatePrivateKey, printPrivateKey, type PublicKey } from "../../lib/wireguard/key.ts";
import { ApiFront } from "./api_front.ts";
import { type EmbeddedApi, startEmbeddedApi } from "./embedded_api.ts";
import { eventually } from "./eventually.ts";
import { type InterfaceErrors, interfaceErrors } from "./interface_errors.ts";
import { LabHost } from "./lab_host.ts";
import type { LabProcess } from "./lab_process.ts";
import { sharedUnderlay } from "./shared_lab.ts";
import { bundleOf } from "./stretched_cluster.ts";
import { type Authority, type Certificate, createAuthority, issueCertificate } from "./x509.ts";

const PREFIX = "wireguard.kube/";
/** Our own address on the underlay: see stage.ts. */
const API_ADDRESS = "203.0.113.250";
const API_PORT = 7443;
/** The hub's private key, on its host. */
export const KEY_FILE = "/var/lib/wg-kube/private.key";
/** The token by which the test itself asks. */
export const OUR_TOKEN = "test";
/** How long certificates last: longer than any clock of a test jumps. */
const LIFE_MS = 7 * 86_400_000;

/** Annotations of a Node by their names without the prefix; null removes one. */
export type Said = Readonly<Record<string, string | null>>;

/** A machine with a tunnel to the hub. */
export interface Peer {
  readonly host: LabHost;
  readonly publicKey: PublicKey;
  /** Its address in the tunnel. */
  readonly address: string;
}

/**
 * A hub and peers that wg(8) has set up by hand, so that nothing but the hub is ours and every word
 * of the Nodes is the test's. The API server is the embedded one, in our own process: it does what
 * is asked of it, fails as it is told to, and counts.
 *
 * The hub is 203.0.113.230 and 100.96.0.1; peer N is the Node `peer-N`, 203.0.113.N and 100.96.0.N.
 */
export class HubBench implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  readonly #processes: LabProcess[] = [];
  readonly #hubArguments: readonly string[];
  #certificate: Certificate | undefined;
  /** The hub's process; replaced when it is started again. */
  process!: LabProcess;

  private constructor(
    readonly host: LabHost,
    readonly api: EmbeddedApi,
    readonly front: ApiFront,
    readonly key: PublicKey,
    hubArguments: readonly string[],
  ) {
    this.#hubArguments = hubArguments;
  }

  /** Makes the API server, the hub's host and its Node, and starts the hub. */
  static async create(hubArguments: readonly string[] = []): Promise<HubBench> {
    await using parts = new AsyncDisposableStack();
    const api = parts.use(startEmbeddedApi({ tokens: [OUR_TOKEN, "first"] }));
    const front = parts.use(
      new ApiFront({ hostname: API_ADDRESS, port: API_PORT, target: api.url }),
    );
    const authority = await benchAuthority();
    const host = parts.use(await LabHost.create("hub-1"));
    await sharedUnderlay().attach(host, "203.0.113.230/24");
    await host.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    const key = await generatePrivateKey();
    await host.writeFile(KEY_FILE, printPrivateKey(key));
    const bench = new HubBench(host, api, front, key.publicKey, hubArguments);
    await bench.certify(authority);
    await bench.writeCredential({ authority, token: "first" });
    await host.writeFile("/etc/api/kubeconfig", kubeconfig(front.url));
    await bench.#request("POST", "", node("hub-1", { hub: "true" }, {}));
    bench.process = bench.startHub();
    await bench.inStep();
    bench.#parts.use(parts.move());
    return bench;
  }

  /** From now on the API server shows a certificate of that authority. */
  async certify(authority: Authority): Promise<void> {
    await this.front.shut();
    this.#certificate = await issueCertificate(authority, {
      commonName: "kube-apiserver",
      addresses: [addressBytes(parseAddress(API_ADDRESS)!)],
      notAfter: new Date(Date.now() + LIFE_MS),
    });
    this.openFront();
  }

  /** Opens the API server's front again after it was shut. */
  openFront(): void {
    this.front.open(this.#certificate!);
  }

  /** How many requests the hub has made so far that came through. */
  get hubRequests(): number {
    return this.api.requests.filter(isHubs).length;
  }

  /** Starts the hub, also again, with more flags if need be; it ends with the bench, if not before. */
  startHub(flags: readonly string[] = []): LabProcess {
    const process = this.host.spawn(Deno.execPath(), [
      ...runArguments("hub", bundleOf("hub")),
      ...["--node-name=hub-1", "--kubeconfig=/etc/api/kubeconfig", "--allowed-ips=100.96.0.0/12"],
      ...[`--private-key-file=${KEY_FILE}`, "--endpoint=203.0.113.230:51820"],
      ...this.#hubArguments,
      ...flags,
    ], { env: { NO_COLOR: "1" } });
    this.#processes.push(process);
    return process;
  }

  /** Ends the hub by a signal and starts it again, with more flags if need be. */
  async restart(signal: Deno.Signal, flags: readonly string[] = []): Promise<void> {
    await this.process.stop(signal);
    this.process = this.startHub(flags);
  }

  /** Waits until the hub that runs now has brought the interface in step with the Nodes. */
  async inStep(): Promise<void> {
    await this.process.waitForLine(/in step with the cluster/);
  }

  /** A peer with a tunnel to the hub, made by hand, and with its Node. */
  async addPeer(number: number, prefixes: readonly string[] = []): Promise<Peer> {
    const name = `peer-${number}`;
    const address = `100.96.0.${number}`;
    const host = this.#parts.use(await LabHost.create(name));
    await sharedUnderlay().attach(host, `203.0.113.${number}/24`);
    const key = await generatePrivateKey();
    await host.writeFile("/etc/wireguard/private.key", printPrivateKey(key));
    await host.ip("link add wg0 mtu 1420 type wireguard", `addr add ${address}/32 dev wg0`);
    await host.run([
      ...["wg", "set", "wg0", "listen-port", "51820"],
      ...["private-key", "/etc/wireguard/private.key", "peer", this.key],
      ...["endpoint", "203.0.113.230:51820", "allowed-ips", "100.96.0.0/12,10.0.0.0/8"],
      ...["persistent-keepalive", "25"],
    ]);
    await host.ip(
      "link set wg0 up",
      "route add 100.96.0.0/12 dev wg0",
      "route add 10.0.0.0/8 dev wg0",
    );
    const allowedIPs = [`${address}/32`, ...prefixes].join();
    await this.addNode(name, { "public-key": key.publicKey, "allowed-ips": allowedIPs });
    const peer = { host, publicKey: key.publicKey, address };
    await this.reaches(peer);
    return peer;
  }

  /** The Node of a peer that is nowhere; with a key of its own unless it says one. */
  async addNode(name: string, said: Record<string, string>): Promise<PublicKey> {
    const { publicKey } = await generatePrivateKey();
    const annotations = { "public-key": publicKey, ...said };
    await this.#request("POST", "", node(name, { peer: "true" }, annotations));
    return annotations["public-key"] as PublicKey;
  }

  /** Changes what a Node says. */
  async annotate(name: string, said: Said): Promise<void> {
    await this.#request("PATCH", `/${name}`, { metadata: { annotations: prefixed(said) } });
  }

  /** Takes Nodes away. */
  async deleteNodes(...names: string[]): Promise<void> {
    for (const name of names) await this.#request("DELETE", `/${name}`);
  }

  /** The credential that the hub reads: what it trusts, and its token. */
  async writeCredential(
    { authority, token }: { readonly authority?: Authority; readonly token?: string },
  ): Promise<void> {
    if (authority) await this.host.writeFile("/etc/api/ca.crt", authority.certificate);
    if (token) await this.host.writeFile("/etc/api/token", token);
  }

  /** Waits until the hub's interface has these prefixes with a peer, by the eyes of wg(8). */
  async shows(key: PublicKey, allowedIPs: readonly string[] | undefined): Promise<void> {
    await this.showsAll([key], () => allowedIPs);
  }

  /** The same of several peers at once, each with its own. */
  async showsAll(
    keys: readonly PublicKey[],
    allowedIPs: (at: number) => readonly string[] | undefined,
  ): Promise<void> {
    const wanted = keys.map((_, at) => allowedIPs(at)?.toSorted().join(" "));
    await eventually(`prefixes: ${wanted.join("; ")}`, async () => {
      const found = await this.peers();
      return keys.every((key, at) => found.get(key) === wanted[at]) || undefined;
    }, () => this.log);
  }

  /** The prefixes of each peer of the hub's interface, sorted, by wg(8). */
  async peers(): Promise<ReadonlyMap<string, string>> {
    const lines = (await this.host.run(["wg", "show", "wg0", "allowed-ips"])).trim().split("\n");
    return new Map(
      lines.filter(Boolean).map((line) => {
        const [key, prefixes] = line.split("\t");
        return [key!, prefixes!.split(" ").toSorted().join(" ")];
      }),
    );
  }

  /** Waits until the peer reaches the hub. */
  async reaches({ host }: Peer): Promise<void> {
    await eventually(`${host.name} reaches the hub`, async () => {
      const { code } = await host.exec("ping", ["-c", "1", "-W", "1", "100.96.0.1"]);
      return code === 0 || undefined;
    }, () => this.log);
  }

  /** The error counters of the hub's interface. */
  errors(): Promise<InterfaceErrors> {
    return interfaceErrors(this.host, "wg0");
  }

  /** All that the hubs have said. */
  get log(): string {
    return this.#processes.map(({ output }) => output).join("--- started again\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) await process[Symbol.asyncDispose]();
    this.api.heal();
    await this.#parts[Symbol.asyncDispose]();
  }

  /** Past the front, which may be shut. */
  async #request(method: string, path: string, body?: unknown): Promise<void> {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const response = await fetch(`${this.api.url}/api/v1/nodes${path}`, {
      method,
      headers: { "content-type": type, authorization: `Bearer ${OUR_TOKEN}` },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  }
}

/** Whether a request is the hub's, and not the test's. */
export function isHubs({ headers }: { readonly headers: Headers }): boolean {
  return headers.get("authorization") !== `Bearer ${OUR_TOKEN}`;
}

/** An authority that outlives every clock of a test. */
export function benchAuthority(): Promise<Authority> {
  return createAuthority("bench", new Date(Date.now() + LIFE_MS));
}

function prefixed(said: Said): Said {
  return Object.fromEntries(Object.entries(said).map(([name, value]) => [PREFIX + name, value]));
}

function node(name: string, labels: Said, annotations: Said): unknown {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: prefixed(labels), annotations: prefixed(annotations) },
  };
}

function kubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "bench",
    clusters: [{ name: "bench", cluster: { server, "certificate-authority": "/etc/api/ca.crt" } }],
    users: [{ name: "hub", user: { tokenFile: "/etc/api/token" } }],
    contexts: [{ name: "bench", context: { cluster: "bench", user: "hub" } }],
  });
}
