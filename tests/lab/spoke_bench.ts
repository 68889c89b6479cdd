import { runArguments } from "../../tasks/permissions.ts";
import { generatePrivateKey, printPrivateKey, type PublicKey } from "../../lib/wireguard/key.ts";
import type { ControlDeed } from "./embedded_api/control.ts";
import { eventually } from "./eventually.ts";
import { LabHost } from "./lab_host.ts";
import type { LabProcess } from "./lab_process.ts";
import { sharedUnderlay } from "./shared_lab.ts";
import { bundleOf } from "./stretched_cluster.ts";

const EMBEDDED_API = new URL("embedded_api.ts", import.meta.url).pathname;
const PREFIX = "wireguard.kube/";
const API_PORT = 6443;
const CONTROL_PORT = 6444;
const HUB_LABEL = { hub: "true" };
const SPOKE_ADDRESSES = "100.96.0.2/32,fd00:96::2/128";

/** How a {@linkcode SpokeBench} is set up. */
export interface SpokeBenchOptions {
  /** What makes WireGuard interfaces here. */
  readonly kind: "kernel" | "userspace";
  /** The third part of its addresses on the underlay: several benches share one. */
  readonly number: number;
  /** By what the spoke reaches the hub and the API server: IPv4 unless told. */
  readonly family?: 4 | 6;
}

/**
 * One spoke and a hub that wg(8) has set up by hand, so that nothing but the spoke is ours. The API
 * server is the embedded one, on the hub's own address.
 *
 * The hub is 203.0.113.N and 100.96.0.1, with 198.51.100.1 behind it; the spoke 203.0.113.N+1 and
 * 100.96.0.2, its gateway 203.0.113.N+2, which has 169.254.169.254. The same by IPv6: 2001:db8::N and
 * fd00:96::1, with 2001:db8:1::1 behind it, and so on.
 */
export class SpokeBench implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  readonly #options: SpokeBenchOptions;
  readonly #credential: string;
  readonly #processes: LabProcess[] = [];
  #api: LabProcess | undefined;
  #client: Deno.HttpClient | undefined;

  private constructor(
    options: SpokeBenchOptions,
    readonly hub: LabHost,
    readonly spoke: LabHost,
    readonly gateway: LabHost,
    credential: string,
  ) {
    this.#options = options;
    this.#credential = credential;
  }

  /** Makes the hosts, the hub and the API server. */
  static async create(options: SpokeBenchOptions): Promise<SpokeBench> {
    await using parts = new AsyncDisposableStack();
    const { number } = options;
    const underlay = sharedUnderlay();
    const host = async (name: string) => parts.use(await LabHost.create(name));
    const [hub, spoke, gateway] = [await host("hub-1"), await host("edge-2"), await host("gw")];
    const both = (last: number) => [`203.0.113.${last}/24`, `2001:db8::${last}/64`];
    await underlay.attach(hub, both(number));
    await underlay.attach(spoke, both(number + 1), { gateway: `203.0.113.${number + 2}` });
    await spoke.ip(`route add default via 2001:db8::${number + 2}`);
    await underlay.attach(gateway, both(number + 2));
    await gateway.ip(
      "addr add 169.254.169.254/32 dev lo",
      "addr add 192.0.2.1/32 dev lo",
      "addr add 2001:db8:2::1/128 dev lo",
    );
    await hub.ip("addr add 198.51.100.1/32 dev lo", "addr add 2001:db8:1::1/128 dev lo");
    const credential = await Deno.makeTempFile({ prefix: "wg-kube-bench-" });
    const bench = new SpokeBench(options, hub, spoke, gateway, credential);
    bench.#parts.adopt(credential, (file) => Deno.remove(file));
    bench.#parts.use(parts.move());
    await bench.startApi();
    await bench.#makeTunnel();
    return bench;
  }

  /** The hub's address on the underlay, which is the API server's, too: as in a URL. */
  get hubAddress(): string {
    const { family, number } = this.#options;
    return family === 6 ? `[2001:db8::${number}]` : `203.0.113.${number}`;
  }

  /** Starts the API server, empty, as after a disaster. */
  async startApi(): Promise<void> {
    const listen = `[::]:${API_PORT}`; // by IPv4, too: we ourselves come by that
    this.#api = this.hub.spawn(Deno.execPath(), [
      ...["run", "-A", "--no-check", "--cached-only", EMBEDDED_API],
      ...["--listen", listen, "--kubeconfig", this.#credential, "--control", `${CONTROL_PORT}`],
    ]);
    await this.#api.waitForLine(/^http:/);
    const kubeconfig = await Deno.readTextFile(this.#credential);
    await this.spoke.writeFile("/etc/kc", kubeconfig.replaceAll("[::]", this.hubAddress));
    await this.#request("POST", "", node("hub-1"));
    await this.#request("POST", "", node("edge-2"));
    await this.setReady("hub-1", true);
  }

  /** The API server takes connections, and answers nothing any more. */
  async hangApi(): Promise<void> {
    await this.#api?.kill("SIGSTOP");
  }

  /** It goes on where it was. */
  async resumeApi(): Promise<void> {
    await this.#api?.kill("SIGCONT");
  }

  /** Makes the API server fail, or heals it. @returns how many requests it has had so far. */
  async controlApi(deed: ControlDeed): Promise<number> {
    const url = `http://203.0.113.${this.#options.number}:${CONTROL_PORT}/${deed}`;
    this.#client ??= Deno.createHttpClient({});
    const response = await fetch(url, { method: "POST", client: this.#client });
    return await response.json() as number;
  }

  /** Ends the API server. */
  async stopApi(): Promise<void> {
    await this.#api?.[Symbol.asyncDispose]();
    this.#api = undefined;
  }

  /** Publishes the hub, or changes what it has published: annotations by their names without prefix. */
  async publishHub(annotations: Readonly<Record<string, string | null>>): Promise<void> {
    await this.publish("hub-1", HUB_LABEL, annotations);
  }

  /** Adds the Node of another hub, Ready. */
  async addHubNode(name: string, annotations: Readonly<Record<string, string>>): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1000)); // ages are in whole seconds
    await this.addNode(name);
    await this.publish(name, HUB_LABEL, annotations);
  }

  /** Adds a Node, as its kubelet would. */
  async addNode(name: string): Promise<void> {
    await this.#request("POST", "", node(name));
    await this.setReady(name, true);
  }

  /** Deletes a Node, and creates it again as its kubelet would. */
  async replaceNode(name: string): Promise<void> {
    await this.#request("DELETE", `/${name}`);
    await this.addNode(name);
  }

  /** Says whether a Node is Ready. */
  async setReady(name: string, ready: boolean): Promise<void> {
    await this.#request("PATCH", `/${name}/status`, {
      status: { conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
    });
  }

  /** Sets labels and annotations of a Node, by their names without prefix; null removes one. */
  async publish(
    name: string,
    labels: Readonly<Record<string, string>>,
    annotations: Readonly<Record<string, string | null>>,
  ): Promise<void> {
    const prefixed = (values: Readonly<Record<string, string | null>>) =>
      Object.fromEntries(Object.entries(values).map(([name, value]) => [PREFIX + name, value]));
    await this.#request("PATCH", `/${name}`, {
      metadata: { labels: prefixed(labels), annotations: prefixed(annotations) },
    });
  }

  /** Gives the hub another key, on its interface and on its Node. */
  async changeHubKey(): Promise<PublicKey> {
    const key = await this.#setHubKey();
    await this.publishHub({ "public-key": key });
    return key;
  }

  /** Adds the spoke as soon as that has registered, and publishes the hub as it is. */
  async join(allowedIPs = "100.96.0.1/32,198.51.100.1/32"): Promise<void> {
    await this.admitSpoke();
    const key = (await this.hub.run(["wg", "show", "wg0", "public-key"])).trim();
    const endpoint = `${this.hubAddress}:51820`;
    await this.publishHub({ "public-key": key, endpoint, "allowed-ips": allowedIPs });
  }

  /** Waits until the spoke has registered, and adds its key to the hub. */
  async admitSpoke(): Promise<void> {
    const key = await eventually("the spoke registers", async () => {
      const { annotations = {} } = (await this.published("edge-2")).metadata;
      return annotations[`${PREFIX}public-key`];
    }, () => this.log);
    await this.hub.run(["wg", "set", "wg0", "peer", key, "allowed-ips", SPOKE_ADDRESSES]);
  }

  /** Takes the spoke's label away, and waits until the spoke has put it back. */
  async labelComesBack(): Promise<void> {
    await this.#request("PATCH", "/edge-2", { metadata: { labels: { [`${PREFIX}peer`]: null } } });
    await eventually("the label is back", async () => {
      return (await this.published("edge-2")).metadata.labels?.[`${PREFIX}peer`];
    }, () => this.log);
  }

  /** A Node as the API server has it. */
  async published(name: string): Promise<{
    readonly metadata: {
      readonly labels?: Record<string, string>;
      readonly annotations?: Record<string, string>;
    };
  }> {
    return await this.#request("GET", `/${name}`) as Awaited<ReturnType<SpokeBench["published"]>>;
  }

  /** Starts the spoke; it ends with the bench, if not before. */
  startSpoke(env: Readonly<Record<string, string>> = {}, ...words: string[]): LabProcess {
    const args = runArguments("spoke", bundleOf("spoke"));
    const process = this.spoke.spawn(Deno.execPath(), [...args, ...words], {
      env: { KUBECONFIG: "/etc/kc", WG_ADDRESS: "100.96.0.2/32", ...env },
    });
    this.#processes.push(process);
    return process;
  }

  /** All that the spokes have said. */
  get log(): string {
    return this.#processes.map(({ output }) => output).join("--- started again\n");
  }

  /** Waits until a ping from the spoke is answered. */
  async reaches(address: string): Promise<void> {
    await eventually(`the spoke reaches ${address}`, async () => {
      return await this.answers(address) || undefined;
    }, () => this.log);
  }

  /** Whether a ping from the spoke is answered within a second. */
  async answers(address: string): Promise<boolean> {
    return (await this.spoke.exec("ping", ["-c", "1", "-W", "1", address])).code === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) await process[Symbol.asyncDispose]();
    await this.stopApi();
    this.#client?.close();
    await this.#parts[Symbol.asyncDispose]();
  }

  async #makeTunnel(): Promise<void> {
    if (this.#options.kind === "kernel") await this.hub.ip("link add wg0 type wireguard");
    else await this.hub.run(["wireguard-go", "wg0"]);
    await this.#setHubKey();
    await this.hub.run(["wg", "set", "wg0", "listen-port", "51820"]);
    await this.hub.ip(
      "addr add 100.96.0.1/12 dev wg0",
      "addr add fd00:96::1/64 dev wg0",
      "link set wg0 up",
    );
  }

  async #setHubKey(): Promise<PublicKey> {
    const key = await generatePrivateKey();
    await this.hub.writeFile("/etc/hub.key", printPrivateKey(key));
    await this.hub.run(["wg", "set", "wg0", "private-key", "/etc/hub.key"]);
    return key.publicKey;
  }

  async #request(method: string, path: string, body?: unknown): Promise<unknown> {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    this.#client ??= Deno.createHttpClient({});
    const response = await fetch(
      `http://203.0.113.${this.#options.number}:${API_PORT}/api/v1/nodes${path}`,
      {
        method,
        client: this.#client,
        headers: { "content-type": type },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
    );
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}

function node(name: string): unknown {
  return { apiVersion: "v1", kind: "Node", metadata: { name } };
}
