import { MARKED } from "../../lib/contract/annotation_keys.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { ERRNO, SystemError } from "../../lib/netlink/system_error.ts";
import { type Faults, NO_FAULTS } from "./simulated_api.ts";
import type { HubResident, Resident, SimulatedCluster } from "./simulated_cluster.ts";
import { keyOf, KEYS, LEGAL, NAMES } from "./simulated_nodes.ts";

const HOUR = 3_600_000;

/** What can happen to a cluster. Each is drawn in proportion to its weight. */
export class Happenings {
  /** Whether events were lost, or a watch has fallen silent: then it takes longer to be back in step. */
  isLossy = false;
  isSilent = false;
  readonly #cluster: SimulatedCluster;
  readonly #deeds: readonly (readonly [number, () => void])[];
  readonly #sum: number;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    const { random, hubs, spokes, members, residents, api } = cluster;
    const anyone = (act: (resident: Resident) => void) => () => act(random.pick(residents));
    const hub = (act: (resident: HubResident) => void) => () => act(random.pick(hubs));
    const perSpoke = spokes.length > 0 ? 1 : 0;
    const spoke = (act: (resident: Resident) => void) => () => act(random.pick(spokes));
    const perMember = members.length > 0 ? 1 : 0;
    const member = (act: (resident: Resident) => void) => () => act(random.pick(members));
    this.#deeds = [
      [8, () => cluster.putStranger(random.pick(NAMES))],
      [3, () => this.#deleteStranger(random.pick(NAMES))],
      [1, () => NAMES.forEach((name) => cluster.putStranger(name))],
      [4, anyone((one) => this.#kill(one))],
      [1, anyone(({ process }) => process?.terminate())],
      [1, anyone((one) => this.#reboot(one))],
      [4, anyone((one) => this.#interrupt(one))],
      [4, () => this.#breakApi()],
      [3, () => api.faults = NO_FAULTS],
      [1, () => api.compact()],
      [1, () => this.#rotateToken()],
      [1, () => cluster.time.jump(random.pick([-HOUR, -5000, 5000, HOUR, 24 * HOUR]))],
      [2, hub((one) => this.#editPeers(one))],
      [2, anyone((one) => this.#editByHand(one))],
      [2, hub((one) => this.#roam(one))],
      [2, anyone((one) => this.#editNode(one))],
      [1, hub((one) => this.#toggleLabel(one))],
      [hubs.length - 1, hub((one) => this.#toggleReady(one))],
      [1, anyone((one) => one.reopen())],
      [1, anyone(({ machine }) => machine.disk.isFull = !machine.disk.isFull)],
      [perSpoke, spoke((one) => this.#move(one))],
      [1, anyone((one) => this.#recreateNode(one))],
      [perMember, member((one) => this.#moveInside(one))],
      [perMember, member((one) => this.#toggleMember(one))],
    ];
    this.#sum = this.#deeds.reduce((total, [weight]) => total + weight, 0);
  }

  /** Something happens. */
  happen(): void {
    let drawn = this.#cluster.random.below(this.#sum);
    this.#deeds.find(([weight]) => (drawn -= weight) < 0)![1]();
  }

  /** From now on nothing goes wrong. */
  end(): void {
    const { api, residents } = this.#cluster;
    api.faults = NO_FAULTS;
    for (const { machine, process } of residents) {
      machine.disk.isFull = false;
      machine.token = api.token;
      if (process) process.interruption = undefined;
    }
  }

  #deleteStranger(name: string): void {
    this.#cluster.deleteNode(name);
    if (this.#cluster.random.chance(0.5)) this.#cluster.putStranger(name); // created again, younger
  }

  #kill(resident: Resident): void {
    const { random } = this.#cluster;
    resident.process?.kill();
    const { files } = resident.machine.disk;
    if (random.chance(0.1)) { // somebody empties the folder of states
      for (const path of files.keys()) if (path.startsWith("var/")) files.delete(path);
    }
    this.#startAgain(resident);
  }

  #reboot(resident: Resident): void {
    resident.process?.kill();
    resident.machine.host.boot();
    forget(resident);
    this.#startAgain(resident);
  }

  #startAgain(resident: Resident): void {
    const { random } = this.#cluster;
    if (random.chance(0.5)) this.#cluster.start(resident);
    else this.#cluster.startLater(resident, random.below(10_000));
  }

  /** It is killed between two steps, soon, or the kernel refuses one. */
  #interrupt({ process }: Resident): void {
    if (!process) return;
    const { random } = this.#cluster;
    process.interruption = {
      after: random.below(random.chance(0.5) ? 10 : 60),
      ...(random.chance(0.3) && { error: () => new SystemError("configure", ERRNO.ENOBUFS) }),
    };
  }

  #breakApi(): void {
    const { random, api } = this.#cluster;
    const kinds = Object.keys(NO_FAULTS) as (keyof Faults)[];
    const likely = [0.1, 0.5, 1];
    const drawn = random.some(kinds, 6).map((kind) => [kind, random.pick(likely)]);
    api.faults = { ...NO_FAULTS, ...Object.fromEntries(drawn) };
    this.isLossy ||= api.faults.lost > 0 || api.faults.swapped > 0;
    this.isSilent ||= api.faults.silent > 0;
  }

  /** The old token counts no more; a machine has the new one at once, or a while later. */
  #rotateToken(): void {
    const { api, random, residents } = this.#cluster;
    const token = ++api.token;
    for (const { machine } of residents) {
      const late = random.pick([0, random.below(30_000)]);
      setTimeout(() => machine.token = Math.max(machine.token, token), late);
    }
  }

  #editPeers({ machine, watch }: HubResident): void {
    const { wireguard } = machine.host;
    // One without a key is blank still: with a peer it would be a stranger's, which is refused.
    if (!wireguard?.ownKey) return;
    const { random } = this.#cluster;
    const key = random.pick([...wireguard.peers.keys(), keyOf(99)]);
    if (random.chance(0.5)) {
      watch.handEdits(key);
      return wireguard.removePeer(key);
    }
    const cidr = random.pick(LEGAL);
    watch.handEdits(key, cidr);
    wireguard.give(key, cidr);
  }

  /** Somebody takes something of the tunnel away; the kernel tells of it, unless that is lost. */
  #editByHand(resident: Resident): void {
    const { host } = resident.machine;
    const { random } = this.#cluster;
    const link = host.link("wg0");
    if (!link) return;
    const isOfTunnel = (one: { readonly interfaceIndex?: number }) =>
      one.interfaceIndex === link.index;
    random.pick([
      () => {
        host.deleteLink(link.index);
        forget(resident);
      },
      () => host.routes = host.routes.filter((route) => !isOfTunnel(route)),
      () => host.addresses.filter(isOfTunnel).forEach((one) => host.removeAddress(link.index, one)),
      () => host.setLink(link.index, { mtu: 1000, alias: "" }),
    ])();
    if (random.chance(0.5)) resident.notify();
  }

  /** A peer speaks from another place. */
  #roam({ machine }: HubResident): void {
    const peers = [...machine.host.wireguard?.peers.values() ?? []];
    if (peers.length === 0) return;
    const { random } = this.#cluster;
    const host = random.pick(["203.0.113.77", "100.96.0.9", "10.1.0.9"]) as IpAddress;
    Object.assign(random.pick(peers), {
      endpoint: { host, port: 1 + random.below(65535) },
      handshake: Date.now(),
    });
  }

  /** Somebody edits what a machine's Node says of it. */
  #editNode({ machine }: Resident): void {
    const { api, random } = this.#cluster;
    const node = api.nodes.get(machine.name);
    if (!node) return;
    if (machine.kind.role !== "hub" && random.chance(0.3)) {
      const isMember = machine.kind.role === "member" && node.labels[KEYS.member] === MARKED;
      const label = isMember && random.chance(0.5) ? KEYS.member : KEYS.peer;
      const { [label]: _, ...labels } = node.labels;
      return api.put({ ...node, labels });
    }
    const key = random.pick([KEYS.publicKey, KEYS.endpoint, KEYS.allowedIPs]);
    const { [key]: _, ...rest } = node.annotations;
    const annotations = random.chance(0.5) ? rest : { ...rest, [key]: "something else" };
    api.put({ ...node, annotations });
  }

  /** The administrator takes the hub's label away, or gives it back. */
  #toggleLabel({ machine }: HubResident): void {
    const { api } = this.#cluster;
    const node = api.nodes.get(machine.name);
    if (!node) return;
    const { [KEYS.hub]: label, ...labels } = node.labels;
    if (label === MARKED) machine.wasUnlabelled = true;
    api.put({ ...node, labels: label === MARKED ? labels : { ...labels, [KEYS.hub]: MARKED } });
  }

  #toggleReady({ machine }: HubResident): void {
    const { api } = this.#cluster;
    const node = api.nodes.get(machine.name);
    if (!node) return;
    api.put({ ...node, status: { ...node.status!, ready: !node.status!.ready } });
  }

  /** The machine is in another network. */
  #move({ machine }: Resident): void {
    machine.host.move(this.#cluster.random.pick(machine.kind.underlays));
  }

  /** A member has another address of its network; its kubelet says so, at once or later. */
  #moveInside(resident: Resident): void {
    this.#move(resident);
    const { api, random } = this.#cluster;
    setTimeout(() => {
      const node = api.nodes.get(resident.machine.name);
      if (!node) return;
      const internalIPs = [resident.machine.host.underlay.address.address];
      api.put({ ...node, status: { ...node.status!, internalIPs } });
    }, random.pick([0, random.below(20_000)]));
  }

  /** The administrator says that a node is to be no member, or that it may be one again. */
  #toggleMember({ machine }: Resident): void {
    const { api } = this.#cluster;
    const node = api.nodes.get(machine.name);
    if (!node) return;
    machine.wasUnlabelled = true;
    const { [KEYS.member]: label, ...labels } = node.labels;
    api.put({
      ...node,
      labels: label === "false" ? labels : { ...labels, [KEYS.member]: "false" },
    });
  }

  #recreateNode(resident: Resident): void {
    const { api, random } = this.#cluster;
    api.delete(resident.machine.name);
    if (random.chance(0.5)) return this.#cluster.register(resident);
    setTimeout(() => {
      if (!api.nodes.has(resident.machine.name)) this.#cluster.register(resident);
    }, random.below(20_000));
  }
}

/** Whoever watches knows that something else than the program took the interface away. */
function forget({ watch }: Resident): void {
  if ("interfaceGone" in watch) watch.interfaceGone();
  else watch.touched();
}
