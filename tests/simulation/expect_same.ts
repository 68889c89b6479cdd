import type { Hub } from "../../lib/contract/active_hub.ts";
import type { HubResident } from "./simulated_cluster.ts";
import type { SimulatedMachine } from "./simulated_machine.ts";
import { type Invariant, Violation } from "./violation.ts";

/** A spoke and its hub have shaken hands within that time, in ms. */
const HANDSHAKE = 180_000;

/** @throws {Violation} if something is not as it should be. */
export function expectSame(
  invariant: Invariant,
  what: string,
  is: unknown,
  shouldBe: unknown,
): void {
  if (is !== shouldBe) throw new Violation(invariant, `${what}: is ${is}; should be ${shouldBe}`);
}

/** Both ends have heard each other of late. @throws {Violation} */
export function expectHandshakes(
  { host, kind }: SimulatedMachine,
  hub: Hub,
  active: HubResident,
): void {
  for (
    const { peers, of, key } of [
      { peers: host.wireguard!.peers, of: kind.name, key: hub.publicKey },
      {
        peers: active.machine.host.wireguard!.peers,
        of: hub.node,
        key: kind.privateKey.publicKey,
      },
    ]
  ) {
    const age = Date.now() - (peers.get(key)?.handshake ?? -Infinity);
    expectSame("follows", `${of} has shaken hands with ${key}`, Math.abs(age) < HANDSHAKE, true);
  }
}
