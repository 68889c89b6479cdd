import type { IpAddress, IpFamily } from "../ip/address.ts";
import type { Cidr, InterfaceAddress } from "../ip/cidr.ts";
import type { WantedDevice } from "../wireguard/plan_device.ts";
import type { Deed } from "./deed.ts";
import type { Policy, WantedPolicy } from "./plan_policy.ts";

/** The tunnel's end on this machine as it should be. */
export interface WantedTunnel {
  readonly addresses: readonly InterfaceAddress[];
  readonly mtu: number;
  readonly device: WantedDevice;
  /** False: no routes lead to its peers, and its addresses may be others than when they do. */
  readonly isRouting?: boolean;
  /** It is not known yet which routes there shall be: those that are there stay as they are. */
  readonly keepsRoutes?: boolean;
  /** Where other interfaces lead to: what lies within needs a route of its own. */
  readonly otherRoutes?: readonly Cidr[];
  /** Prefixes that cannot be plain routes; absent where that cannot be, and nothing is looked at. */
  readonly policy?: WantedPolicy;
  /** Members' prefixes, which a hub routes by a table of their own; absent: nothing is looked at. */
  readonly members?: Policy;
  /** While it is not known who the peers are: to whom no route of the main table is to lead. */
  readonly membersBefore?: ReadonlyMap<Cidr, unknown>;
  /** The address that packets of this machine get by the routes; absent: the kernel chooses. */
  readonly sources?: RouteSources;
}

/** An address of this machine for each family. */
export type RouteSources = { readonly [_ in IpFamily]?: IpAddress };

/** What was done, and which routes could not be had, in words. */
export interface TunnelReport {
  readonly done: readonly Deed[];
  readonly refused: readonly string[];
  /** In how many ms to reconcile again at the latest. */
  readonly lookAgainMs: number;
}
