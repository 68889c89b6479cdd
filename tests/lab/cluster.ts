import { addressBytes, parseAddress } from "../../lib/ip/address.ts";
import { ApiClient, type ApiCredentials } from "./api_client.ts";
import { CommandError, type CommandResult, tryRun } from "./command.ts";
import type { KubernetesPrograms } from "./kubernetes_programs.ts";
import type { LabHost } from "./lab_host.ts";
import {
  type Authority,
  type Certificate,
  createAuthority,
  createSigningKey,
  issueCertificate,
  loadAuthority,
} from "./x509.ts";

const AUTHORITY = "lab-ca";
/** First address of the service network: what `kubernetes.default` has in a cluster. */
const SERVICE_ADDRESS = "10.255.0.1";
const SERVICE_CIDR = "10.255.0.0/24";
/** Start-up takes 4 s on an idle machine, half a minute in user-mode Linux, more under load. */
const START_LIMIT_MS = 180_000;

export interface ClusterOptions {
  /** An empty folder for keys, data, logs and kubeconfigs. */
  readonly folder: string;
  /** Where the API server listens. */
  readonly address: string;
  readonly port: number;
  readonly programs: KubernetesPrograms;
  /** The host that it runs on; without it, where we run. */
  readonly host?: LabHost;
}

/**
 * etcd and kube-apiserver as one cluster without machines: Node authorizer, RBAC, NodeRestriction,
 * service-account tokens. All its state lies in a folder, so that test files that share a run share it.
 */
export class Cluster implements AsyncDisposable {
  readonly server: string;
  /** The administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly folder: string;
  readonly address: string;
  readonly port: number;
  readonly #options: ClusterOptions;
  readonly #authority: Authority;
  readonly #admin: Certificate;
  #owner = false;
  #client: ApiClient | undefined;

  private constructor(options: ClusterOptions, authority: Authority, admin: Certificate) {
    this.#options = options;
    this.#authority = authority;
    this.#admin = admin;
    this.folder = options.folder;
    this.address = options.address;
    this.port = options.port;
    const host = options.address.includes(":") ? `[${options.address}]` : options.address;
    this.server = `https://${host}:${options.port}`;
    this.kubeconfig = `${options.folder}/admin.kubeconfig`;
  }

  /** Starts a cluster and waits until it serves. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const { folder, address } = options;
    const authority = await createAuthority(AUTHORITY);
    const server = await issueCertificate(authority, {
      commonName: "kube-apiserver",
      hostNames: ["localhost", "kubernetes.default.svc", "api.lab.test"],
      addresses: [address, "127.0.0.1", SERVICE_ADDRESS].map((text) =>
        addressBytes(parseAddress(text)!)
      ),
    });
    const admin = await issueCertificate(authority, {
      commonName: "admin",
      organization: "system:masters",
    });
    const tokens = await createSigningKey();
    const write = (name: string, text: string) =>
      Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
    await write("ca.crt", authority.certificate);
    await write("ca.key", authority.key);
    await write("clients.crt", authority.certificate);
    await write("server.crt", server.certificate);
    await write("server.key", server.key);
    await write("admin.crt", admin.certificate);
    await write("admin.key", admin.key);
    await write("tokens.key", tokens.privateKey);
    await write("tokens.pub", tokens.publicKey);
    const cluster = new Cluster(options, authority, admin);
    cluster.#owner = true;
    await write(
      "admin.kubeconfig",
      cluster.kubeconfigText({
        "client-certificate": `${folder}/admin.crt`,
        "client-key": `${folder}/admin.key`,
      }),
    );
    await cluster.#launch("etcd", [
      ...[options.programs.etcd, "--data-dir", `${folder}/etcd`, "--log-level", "error"],
      ...["--listen-client-urls", "http://127.0.0.1:2379"],
      ...["--advertise-client-urls", "http://127.0.0.1:2379"],
      ...["--listen-peer-urls", "http://127.0.0.1:2380"],
    ]);
    await cluster.startApiServer();
    return cluster;
  }

  /** The cluster that another process of the same run has started in that folder. */
  static async join(options: ClusterOptions): Promise<Cluster> {
    const read = async (name: string): Promise<Certificate> => ({
      certificate: await Deno.readTextFile(`${options.folder}/${name}.crt`),
      key: await Deno.readTextFile(`${options.folder}/${name}.key`),
    });
    const authority = await loadAuthority(AUTHORITY, await read("ca"));
    return new Cluster(options, authority, await read("admin"));
  }

  /** Starts the API server after {@linkcode stopApiServer} and waits until it serves. */
  async startApiServer(): Promise<void> {
    const { folder, programs, address, port } = this.#options;
    await this.#launch("kube-apiserver", [
      ...[programs.apiServer, "--etcd-servers=http://127.0.0.1:2379"],
      ...[`--bind-address=${address}`, `--advertise-address=${address}`, `--secure-port=${port}`],
      ...[`--tls-cert-file=${folder}/server.crt`, `--tls-private-key-file=${folder}/server.key`],
      ...[`--client-ca-file=${folder}/clients.crt`, "--authorization-mode=Node,RBAC"],
      "--enable-admission-plugins=NodeRestriction",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${folder}/tokens.pub`,
      `--service-account-signing-key-file=${folder}/tokens.key`,
      `--service-cluster-ip-range=${SERVICE_CIDR}`,
      "--endpoint-reconciler-type=none",
    ]);
    await this.waitReady();
  }

  /** Ends the API server by a signal: SIGTERM drains, SIGKILL cuts. etcd goes on. */
  async stopApiServer(signal: "TERM" | "KILL" | "STOP" | "CONT" = "TERM"): Promise<void> {
    const wait = signal === "TERM" || signal === "KILL"
      ? '; while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done'
      : "";
    const pidFile = `${this.folder}/kube-apiserver.pid`;
    await this.#shell(`pid=$(cat "$2"); kill -"$1" "$pid"${wait}`, [signal, pidFile]);
  }

  /**
   * Waits until the API server says exactly `ok`: the body of a failing check holds that word, too.
   *
   * @throws {Error} with the end of its log when it takes too long.
   */
  async waitReady(limitMs = START_LIMIT_MS): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (Date.now() < deadline) {
      const answer = await this.admin.request("GET", "/readyz").catch(() => undefined);
      if (answer?.body === "ok") return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const log = await Deno.readTextFile(`${this.folder}/kube-apiserver.log`).catch(() => "");
    throw new Error(`kube-apiserver is not ready after ${limitMs} ms:\n${log.slice(-4000)}`);
  }

  /** The administrator's client. It is closed with the cluster object. */
  get admin(): ApiClient {
    return this.#client ??= new ApiClient(this.credentials(this.#admin));
  }

  /** Credentials for {@linkcode ApiClient}. */
  credentials(identity: Partial<Certificate> & { readonly token?: string }): ApiCredentials {
    return { server: this.server, ca: this.#authority.certificate, ...identity };
  }

  /** A client certificate of this cluster, e.g. of a kubelet. */
  async issue(commonName: string, organization: string, notAfter?: Date): Promise<Certificate> {
    return await issueCertificate(this.#authority, {
      commonName,
      organization,
      ...(notAfter === undefined ? {} : { notAfter }),
    });
  }

  /**
   * Says whose certificates clients may come with, besides those of the cluster itself. The API server
   * reads that again by itself: from then on, all others are refused with 401.
   */
  async trustClientsOf(...authorities: readonly Certificate[]): Promise<void> {
    const texts = [this.#authority, ...authorities].map(({ certificate }) => certificate);
    await Deno.writeTextFile(`${this.folder}/clients.crt`, texts.join(""));
  }

  /** A kubeconfig for a user, e.g. `{ token }` or paths under `client-certificate` and `client-key`. */
  kubeconfigText(user: Record<string, string>): string {
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{
        name: "lab",
        cluster: { server: this.server, "certificate-authority": `${this.folder}/ca.crt` },
      }],
      users: [{ name: "user", user }],
      contexts: [{ name: "lab", context: { cluster: "lab", user: "user" } }],
      "current-context": "lab",
    });
  }

  /**
   * kubectl as the administrator, run where we run.
   *
   * @throws {CommandError} unless it ends with status 0.
   */
  async kubectl(args: readonly string[], stdin?: string): Promise<string> {
    const command = [this.#options.programs.kubectl, `--kubeconfig=${this.kubeconfig}`, ...args];
    const result = await tryRun(command, stdin === undefined ? {} : { stdin });
    if (result.code !== 0) throw new CommandError(command, result);
    return result.stdout;
  }

  /** Closes our connections, and ends the cluster's programs unless they belong to another process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.[Symbol.dispose]();
    this.#client = undefined;
    for (const name of this.#owner ? ["kube-apiserver", "etcd"] : []) {
      await this.#shell('kill -KILL "$(cat "$1")" 2> /dev/null || true', [
        `${this.folder}/${name}.pid`,
      ]);
    }
  }

  /** Starts a program that is nobody's child, so that any process of the run can end it. */
  async #launch(name: string, command: readonly string[]): Promise<void> {
    const base = `${this.folder}/${name}`;
    const script = 'base=$1; shift; "$@" >> "$base.log" 2>&1 < /dev/null & echo $! > "$base.pid"';
    await this.#shell(script, [base, ...command]);
  }

  async #shell(script: string, args: readonly string[]): Promise<CommandResult> {
    const command = ["sh", "-c", script, "sh", ...args];
    const result = await tryRun(this.#options.host?.commandLine(command) ?? command);
    if (result.code !== 0) throw new CommandError(command, result);
    return result;
  }
}
