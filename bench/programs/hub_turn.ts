import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { type Claim, peerClaimOf } from "../../lib/contract/claim.ts";
import { EMPTY_LEDGER, type Ledger } from "../../lib/contract/ledger.ts";
import type { LocalFacts } from "../../lib/contract/local_facts.ts";
import { RepeatedAdmission } from "../../lib/contract/repeated_admission.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { type Cidr, parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import { type Endpoint, isResolved } from "../../lib/ip/endpoint.ts";
import type { Network } from "../../lib/netlink/network.ts";
import { Tunnel } from "../../lib/tunnel/tunnel.ts";
import { type HubTunnelOptions, wantedHubTunnel } from "../../lib/hub/wanted_hub_tunnel.ts";
import { readSurroundings, type Surroundings } from "../../lib/tunnel/surroundings.ts";
import { KernelBackend } from "../../lib/wireguard/kernel_backend.ts";
import type { PrivateKey } from "../../lib/wireguard/key.ts";
import { endpointsOf } from "../../lib/wireguard/peer_endpoints.ts";
import type { BenchPeer } from "./bench_peer.ts";

const KEYS = annotationKeys("wireguard.kube/");
const OPTIONS: HubTunnelOptions = {
  interface: "wg0",
  address: [parseInterfaceAddress("100.96.0.1/12")!],
  mtu: 1420,
  listenPort: 51820,
};
/** How long what a Node held is kept for it: the default of `--claim-hold`, in ms. */
const HOLD_MS = 600_000;

/** No endpoint here is a name. */
const noName = (endpoint: Endpoint) => isResolved(endpoint) ? endpoint : undefined;

/**
 * What a turn of the hub does between a Node's event and the kernel, as hub_pipeline.ts puts it
 * together: the changed Node is read, all claims are judged, the tunnel is made what they come to.
 */
export class HubTurn {
  readonly #tunnel: Tunnel;
  readonly #key: PrivateKey;
  readonly #surroundings: Surroundings;
  readonly #claims = new Map<string, Claim>();
  readonly #admission = new RepeatedAdmission();
  #ledger: Ledger = EMPTY_LEDGER;
  #isFirst = true;

  private constructor(tunnel: Tunnel, key: PrivateKey, surroundings: Surroundings) {
    this.#tunnel = tunnel;
    this.#key = key;
    this.#surroundings = surroundings;
  }

  /** Takes `wg0` over, which is there and has a key. */
  static async open(network: Network): Promise<HubTurn> {
    const backend = new KernelBackend(network);
    const tunnel = new Tunnel({ network, backend, name: OPTIONS.interface, now: Date.now });
    const device = await tunnel.claim(undefined, true);
    if (!device?.privateKey) throw new Error("wg0 has no key");
    return new HubTurn(tunnel, device.privateKey, readSurroundings(network, "wg0"));
  }

  async fill(peers: readonly BenchPeer[]): Promise<void> {
    for (const peer of peers) this.#put(peer);
    await this.#turn();
  }

  async add(peer: BenchPeer): Promise<void> {
    this.#put(peer);
    await this.#turn();
  }

  async change(_before: BenchPeer, after: BenchPeer): Promise<void> {
    await this.add(after);
  }

  async remove({ name }: BenchPeer): Promise<void> {
    this.#claims.delete(name);
    await this.#turn();
  }

  #put({ name, publicKey, allowedIPs }: BenchPeer): void {
    const annotations = { [KEYS.publicKey]: publicKey, [KEYS.allowedIPs]: allowedIPs.join() };
    const node = { name, uid: name, createdAt: 0, labels: {}, annotations };
    this.#claims.set(name, peerClaimOf(node, KEYS));
  }

  async #turn(): Promise<void> {
    const hold = { now: Date.now(), holdMs: HOLD_MS };
    const claims = [...this.#claims.values()];
    const judgement = this.#admission.admit(claims, this.#facts(), this.#ledger, hold);
    this.#ledger = judgement.ledger;
    const wanted = wantedHubTunnel(
      OPTIONS,
      this.#key,
      this.#surroundings,
      judgement,
      true,
      new Map(),
    );
    const { refused } = await this.#tunnel.reconcile(wanted, this.#isFirst);
    this.#isFirst = false;
    if (judgement.refusals.length > 0 || refused.length > 0) {
      throw new Error(`refused: ${JSON.stringify(judgement.refusals[0] ?? refused[0])}`);
    }
  }

  #facts(): LocalFacts {
    return {
      ownKey: this.#key.publicKey,
      ownAddresses: ["100.96.0.1"] as IpAddress[],
      tunnelNetworks: ["100.96.0.0/12"] as Cidr[],
      peerCidrs: ["10.0.0.0/8", "100.64.0.0/10"] as Cidr[],
      otherRoutes: this.#surroundings.routes,
      connected: this.#surroundings.connected,
      neighbours: [],
      nodes: new Map(),
      podNetworks: [],
      learned: endpointsOf(this.#tunnel.device),
      resolve: noName,
    };
  }
}
