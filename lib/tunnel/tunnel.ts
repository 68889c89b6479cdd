import type { Link } from "../netlink/links.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import { UserError } from "../user_error.ts";
import { applyConfig } from "../wireguard/apply_config.ts";
import type { Device, WireGuardBackend } from "../wireguard/device.ts";
import type { PrivateKey, PublicKey } from "../wireguard/key.ts";
import { goesUnseen, haveMoved, type PeerEndpoints } from "../wireguard/peer_endpoints.ts";
import { settledPeers } from "../wireguard/settled_peers.ts";
import { planDevice, type WantedDevice, type WantedPeer } from "../wireguard/plan_device.ts";
import {
  type ChangedPart,
  changedPart,
  isExact,
  type LastTurn,
  replace,
  wholeOf,
} from "./changed_part.ts";
import { type Deed, deedsOf } from "./deed.ts";
import { OUR_ALIAS } from "./plan_interface.ts";
import { MEMBERS } from "./plan_members.ts";
import { OWN_MARK, policyOf } from "./plan_policy.ts";
import { portInUse } from "./port_in_use.ts";
import { PolicyRouting } from "./policy_routing.ts";
import { Revival } from "./revival.ts";
import { settleInterface } from "./settle_interface.ts";
import { readRoutes, type RoutesInto, sameSources, settleRoutes } from "./settle_routes.ts";
import type { RouteSources, TunnelReport, WantedTunnel } from "./wanted_tunnel.ts";

/** The parts of a {@linkcode Tunnel}. */
export interface TunnelParts {
  readonly network: NetworkAccess;
  readonly backend: WireGuardBackend;
  readonly name: string;
  /** Milliseconds since 1970. */
  now(): number;
}

/** How old, in ms, what is known of the peers' endpoints and handshakes may become. */
const OBSERVE_EVERY = 10_000;
/** The same before a peer goes of which nothing is known: it may come back. */
const OBSERVE_SOON = 1_000;

/** What is remembered of the kernel between two readings. */
interface Found extends RoutesInto {
  readonly link: Link;
  readonly device: Device;
}

/**
 * The WireGuard interface with its addresses, peers and routes: reads what is there, plans, and
 * applies what differs, nothing else. Between two readings it remembers what it told the kernel, so
 * that a change costs no more than that change.
 */
export class Tunnel {
  readonly #parts: TunnelParts;
  #found: Found | undefined;
  #device: Device | undefined;
  #settled: Map<PublicKey, WantedPeer> | undefined;
  #last: LastTurn | undefined;
  #adoptedAt = -Infinity;
  #hasSettled = false;
  /** The index of the link that was claimed or made: it is ours, whatever its alias says later. */
  #ours: number | undefined;
  #readAt = -Infinity;
  #isRouting: boolean | undefined;
  #sources: RouteSources | undefined;
  readonly #revival = new Revival();
  readonly #policy: PolicyRouting;
  readonly #members: PolicyRouting;

  constructor(parts: TunnelParts) {
    this.#parts = parts;
    this.#policy = new PolicyRouting(parts.network);
    this.#members = new PolicyRouting(parts.network, MEMBERS);
  }

  /**
   * Looks whether the interface may be ours: it is, if it is not there, bears our ifalias, has the
   * key `ownKey`, has neither a key nor a peer, or the user says `adopt`.
   *
   * @returns the interface as it is, if it is ours to take over; undefined if there is none.
   * @throws {UserError} if it is somebody else's.
   */
  async claim(ownKey: PrivateKey | undefined, adopt: boolean): Promise<Device | undefined> {
    const { network, backend, name } = this.#parts;
    const link = network.link(name);
    if (!link) return undefined;
    const device = await backend.read(name);
    if (!device) {
      throw new UserError(
        `${name} exists and is no WireGuard interface; choose another --interface or remove it`,
      );
    }
    const known = ownKey && device.privateKey?.publicKey === ownKey.publicKey;
    // So a program leaves it that is killed when it has just made it.
    const isBlank = !device.privateKey && device.peers.size === 0;
    if (link.alias === OUR_ALIAS || known || isBlank || adopt) {
      this.#ours = link.index;
      return device;
    }
    throw new UserError(
      `${name} is a WireGuard interface that another program made; pass --adopt to take it over, ` +
        `or choose another --interface`,
    );
  }

  /** Takes where peers were when another program ended: to be told before the first turn. */
  recall(endpoints: PeerEndpoints): void {
    this.#revival.recall(endpoints, this.#parts.now());
  }

  /** The interface as last read or told, also while a turn is under way or has failed. */
  get device(): Device | undefined {
    return this.#device;
  }

  /** The interface as it is at this moment; undefined if there is none. Nothing of it is remembered. */
  read(): Promise<Device | undefined> {
    return this.#parts.backend.read(this.#parts.name);
  }

  /** Whether all was as wanted at least once. */
  get hasSettled(): boolean {
    return this.#hasSettled;
  }

  /** Takes the interface away, with its addresses and routes. @returns whether there was one. */
  remove(): boolean {
    const { network, name } = this.#parts;
    this.#found = undefined;
    const link = network.link(name);
    // Somebody else may have made one of that name since, or cleared the alias of ours.
    if (!link || (link.alias !== OUR_ALIAS && link.index !== this.#ours)) return false;
    this.#members.removeRules(link.index);
    network.deleteLink(link.index);
    return true;
  }

  /**
   * Makes the tunnel what is wanted.
   *
   * @param readBack read the kernel afresh, rather than trust what it was told.
   * @throws whatever the kernel refuses, a route apart: that is somebody else's, and is reported.
   */
  async reconcile(wanted: WantedTunnel, readBack: boolean): Promise<TunnelReport> {
    try {
      return await this.#settle(wanted, readBack);
    } catch (error) {
      throw portInUse(error, wanted.device.listenPort) ?? error;
    }
  }

  async #settle(wanted: WantedTunnel, readBack: boolean): Promise<TunnelReport> {
    const done: Deed[] = [];
    const isUrgent = goesUnseen(this.#found?.device, wanted.device.peers);
    if (!readBack) await this.observe(isUrgent ? OBSERVE_SOON : OBSERVE_EVERY);
    const isAsBefore = this.#isRouting === wanted.isRouting &&
      sameSources(this.#sources, wanted.sources);
    const known = !readBack && isAsBefore ? this.#found : undefined;
    this.#found = undefined; // until all of this has succeeded, nothing remembered is to be trusted
    const found = known ?? await this.#read(wanted, done);
    const moved = haveMoved(this.#device, found.device); // who plans the peers has not seen it
    const part = known && this.#revival.isIdle ? changedPart(this.#last, wanted, found) : undefined;
    this.#last = undefined;
    const scope = part
      ? { wanted: part.wanted, found: { ...found, ...part.found } }
      : { wanted, found };
    const told = await this.#settleDevice(
      this.#marked(scope.wanted),
      scope.found.device,
      done,
      part,
    );
    const { network, name } = this.#parts;
    // A hub that has only just begun: who are members, the last one has left in their table.
    const isUnknown = !wanted.device.peers && !wanted.policy && !wanted.members;
    const toMembers = isUnknown ? this.#members.read(found.link.index).routes : undefined;
    const base = known ? undefined : settleInterface(network, found.link, wanted, done);
    const { routes, refused } = settleRoutes(
      network,
      scope.wanted,
      told,
      { ...scope.found, name, index: found.link.index, toMembers },
      done,
      () => this.#settlePolicy(wanted, found.link, done, !known),
    );
    const lacking = base ? [...base.refused, ...base.finish()] : [];
    const now = part ? wholeOf(found, part, { device: told, routes }) : { device: told, routes };
    this.#found = { ...found, ...now, stale: [] };
    this.#device = now.device;
    if (refused.length === 0 && isExact(scope.wanted, told)) {
      this.#last = { wanted, device: now.device };
    }
    const waitMs = this.#revival.waitMs(this.#parts.now()) ?? OBSERVE_EVERY;
    this.#hasSettled = true;
    this.#isRouting = wanted.isRouting;
    this.#sources = wanted.sources;
    return {
      done,
      refused: [...lacking, ...refused],
      lookAgainMs: moved ? 0 : Math.min(waitMs, OBSERVE_EVERY),
    };
  }

  async #read({ sources }: WantedTunnel, done: Deed[]): Promise<Found> {
    const { network, backend, name, now } = this.#parts;
    if (!network.link(name)) {
      await backend.create(name);
      this.#settled = undefined;
      done.push({ text: "interface made", fields: { interface: name, backend: backend.kind } });
    }
    const link = network.link(name);
    const device = await backend.read(name);
    if (!link || !device) throw new Error(`${name} went away while it was being read`);
    this.#ours = link.index;
    this.#readAt = now();
    this.#revival.remember(device.peers);
    return { link, device, ...readRoutes(network, link.index, sources) };
  }

  /**
   * Where peers are now, and when they shook hands, is for the kernel alone to say: read so many ms
   * ago at most. Undefined before the first turn, and if the interface has gone.
   */
  async observe(maxAgeMs: number): Promise<Device | undefined> {
    const { backend, name, now } = this.#parts;
    const before = this.#found;
    const age = now() - this.#readAt; // negative: the clock has gone back
    if (!before || (age >= 0 && age < maxAgeMs)) return before?.device;
    const device = await backend.read(name);
    this.#found = device && { ...before, device }; // without it, nothing that is known of it holds
    if (!device) return undefined;
    this.#readAt = now();
    this.#revival.remember(device.peers);
    return device;
  }

  /** @param part that of the tunnel that this is about; absent if it is all of it. */
  async #settleDevice(
    wanted: WantedDevice,
    found: Device,
    done: Deed[],
    part?: ChangedPart,
  ): Promise<Device> {
    const { backend, name, now } = this.#parts;
    if (found.listenPort !== wanted.listenPort) this.#revival.callAll(found.peers);
    const peers = this.#revival.peers(wanted.peers, found.peers, now());
    const config = planDevice(
      { ...wanted, ...(peers && { peers }) },
      found,
      this.#settled,
      now(),
    );
    if (config) await backend.configure(name, config);
    const told = config ? applyConfig(found, config) : found;
    if (!part) this.#device = told;
    if (wanted.peers) {
      if (!this.#settled) this.#adoptedAt = now();
      const settled = settledPeers(wanted.peers, told, this.#settled, this.#adoptedAt);
      if (part && this.#settled) {
        replace(this.#settled, [...found.peers.keys(), ...wanted.peers.keys()], settled);
      } else {
        this.#settled = settled;
      }
    }
    if (config) done.push(...deedsOf(config, name));
    return told;
  }

  /** The mark is there before the rules that look at it, and until they have gone. */
  #marked({ device, policy }: WantedTunnel): WantedDevice {
    const needed = policy !== undefined && (policy.prefixes.length > 0 || this.#policy.stands);
    return needed ? { ...device, fwmark: OWN_MARK } : device;
  }

  #settlePolicy(wanted: WantedTunnel, link: Link, done: Deed[], readBack: boolean): string[] {
    const { policy, members } = wanted;
    return [
      ...policy ? [this.#policy.reconcile(policyOf(policy), link.index, readBack)] : [],
      ...members ? [this.#members.reconcile(members, link.index, readBack)] : [],
    ].flatMap(({ changed, refused }) => {
      if (changed) done.push({ text: "routing policy set", fields: changed });
      return [...refused];
    });
  }
}
