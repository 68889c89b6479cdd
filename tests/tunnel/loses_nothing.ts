import { assertEquals, assertGreater } from "@std/assert";
import { progress } from "../lab/command.ts";
import { interfaceErrors } from "../lab/interface_errors.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { measureTraffic, type TrafficOptions } from "../lab/traffic.ts";

/** The traffic that nothing may disturb, and the hub that it goes through. */
export interface Undisturbed extends TrafficOptions {
  readonly hub: LabHost;
  /**
   * Somebody sends from a new address before the hub can have heard of it: what comes without an owner
   * is his.
   */
  readonly movesMeanwhile?: boolean;
}

/**
 * The counters that tell of packets without an owner. What waited for a peer that is nowhere is
 * dropped with that peer, and counted in tx_dropped: that is no loss of the others.
 */
async function ownerless(hub: LabHost) {
  const { rx_frame_errors: received, tx_errors: sent } = await interfaceErrors(hub, "wg0");
  return { received, sent };
}

/**
 * Runs something under 300 datagrams a second through a hub, none of which may be lost; nor may an
 * error counter of the hub's interface move. What was counted is printed under that name.
 */
export async function losesNothing(
  name: string,
  { hub, movesMeanwhile = false, ...traffic }: Undisturbed,
  during: () => Promise<unknown>,
): Promise<void> {
  const before = await ownerless(hub);
  const begin = performance.now();
  const { sent, lost, duplicated, refused, longestGapMs } = await measureTraffic(traffic, during);
  const seconds = Math.round((performance.now() - begin) / 1000);
  progress(`figure: ${name}: ${lost} of ${sent} lost in ${seconds} s, gap ${longestGapMs} ms`);
  assertGreater(sent, 300);
  assertEquals({ lost, duplicated, refused }, { lost: 0, duplicated: 0, refused: 0 });
  const after = await ownerless(hub);
  assertEquals(movesMeanwhile ? { ...after, received: before.received } : after, before);
}
