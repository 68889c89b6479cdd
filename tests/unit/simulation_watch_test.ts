/** Those who look on at a simulated life must be able to see something wrong. */
import { assertEquals, assertThrows } from "@std/assert";
import { EMPTY_LEDGER } from "../../lib/contract/ledger.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { printPrivateKey, ZERO_KEY } from "../../lib/wireguard/key.ts";
import { HubWatch } from "../simulation/hub_watch.ts";
import { networkOf } from "../simulation/process_kernel.ts";
import { BOUNDS, RequestsWatch } from "../simulation/requests_watch.ts";
import { SecretsWatch } from "../simulation/secrets_watch.ts";
import { HUBS, SimulatedMachine, SPOKES } from "../simulation/simulated_machine.ts";
import { keyOf } from "../simulation/simulated_nodes.ts";
import { SpokeWatch } from "../simulation/spoke_watch.ts";
import { type Invariant, Violation } from "../simulation/violation.ts";

const CIDR = "10.1.0.0/24" as Cidr;

function assertViolates(invariant: Invariant, act: () => void): void {
  assertEquals(assertThrows(act, Violation).invariant, invariant);
}

/** A hub's machine that has made its interface, and who watches it. */
function watchedHub() {
  const machine = new SimulatedMachine(HUBS[0]!);
  machine.host.createLink("wg0");
  return { machine, wireguard: machine.host.wireguard!, watch: new HubWatch(machine) };
}

Deno.test("a hub's watch sees what nobody asked for, what nobody may have, and the own key", () => {
  const { wireguard, watch } = watchedHub();
  watch.nodeIs("edge-1", { key: keyOf(1), prefixes: [CIDR] }, 1);
  wireguard.give(keyOf(1), CIDR);
  watch.look();
  wireguard.give(keyOf(2), CIDR);
  assertViolates("owner", () => watch.look());
  wireguard.give(keyOf(1), CIDR);
  wireguard.give(keyOf(1), "127.0.0.1/32" as Cidr);
  assertViolates("bounds", () => watch.look());
  wireguard.removePeer(keyOf(1));
  wireguard.give(HUBS[0]!.privateKey.publicKey, "10.2.0.0/24" as Cidr);
  assertViolates("bounds", () => watch.look());
  assertViolates(
    "bounds",
    () => watch.begins({ peers: [{ publicKey: HUBS[0]!.privateKey.publicKey }] }),
  );
});

Deno.test("a hub's watch sees what is removed before a list, and a prefix that is nobody's for a moment", () => {
  const { wireguard, watch } = watchedHub();
  wireguard.give(keyOf(1), CIDR);
  watch.handEdits(keyOf(1), CIDR);
  const step = () => {};
  const moves = [{ publicKey: keyOf(1), remove: true }, {
    publicKey: keyOf(2),
    allowedIPs: [CIDR],
  }];
  assertViolates("listed", () => wireguard.configure({ peers: moves }, step, watch));
  wireguard.give(keyOf(1), CIDR);
  watch.hasListed = true;
  assertViolates("gap", () => wireguard.configure({ peers: moves }, step, watch));
  wireguard.give(keyOf(1), CIDR);
  const taken = { publicKey: ZERO_KEY, allowedIPs: [CIDR], remove: true };
  const gone = [taken, { publicKey: keyOf(2), allowedIPs: [CIDR] }];
  assertViolates("gap", () => wireguard.configure({ peers: gone }, step, watch));
});

Deno.test("a hub's watch sees a route or an address that is taken away before the lists", () => {
  const { machine, watch } = watchedHub();
  const hub = { peers: { nodes: new Map() }, judgement: undefined, isActive: true };
  const index = machine.host.link("wg0")!.index;
  const destination = CIDR;
  const route = { destination, table: 254, protocol: 87, interfaceIndex: index };
  const address = HUBS[0]!.address[0]!;
  const network = networkOf(machine.host, () => {}, watch);
  /** Takes both away, once each is there. */
  const takes = [() => network.removeRoutes([route]), () => network.removeAddress(index, address)];
  const refill = () => {
    network.addRoutes([route]);
    network.addAddress(index, address);
  };
  watch.processBegins(hub, EMPTY_LEDGER);
  refill();
  for (const take of takes) assertViolates("listed", take);
  watch.hasListedHubs = true;
  refill();
  for (const take of takes) assertViolates("listed", take);
  hub.isActive = false;
  refill();
  for (const take of takes) take();
  [hub.isActive, watch.hasListed] = [true, true];
  refill();
  for (const take of takes) take();
});

Deno.test("a hub's watch sees an interface that goes without reason", () => {
  const { machine, watch } = watchedHub();
  assertViolates("retired", () => watch.removed());
  machine.wasUnlabelled = true;
  watch.removed();
});

Deno.test("a spoke's watch sees that it is left without a hub", () => {
  const machine = new SimulatedMachine(SPOKES[0]!);
  const watch = new SpokeWatch(machine);
  machine.host.createLink("wg0");
  machine.host.wireguard!.give(keyOf(1), CIDR);
  watch.look();
  machine.host.wireguard!.removePeer(keyOf(1));
  assertViolates("hubless", () => watch.look());
  watch.touched();
  watch.look();
});

Deno.test("the other watches see one request too many, and a private key wherever it is written", () => {
  const requests = new RequestsWatch();
  for (let i = 0; i < BOUNDS.patch; i++) requests.requested("patch", 0);
  assertViolates("requests", () => requests.requested("patch", 59_999));
  requests.requested("patch", 120_000);
  const key = HUBS[0]!.privateKey;
  const secrets = new SecretsWatch([key]);
  const text = printPrivateKey(key).trim();
  secrets.published(`the public one is ${key.publicKey}`);
  for (const secret of [text, btoa(text), key.bytes().toHex(), `[${key.bytes().join()}]`]) {
    assertViolates("secret", () => secrets.published(`key=${secret}`));
  }
  secrets.filed("wg0.conf", 0o600, text);
  assertViolates("secret", () => secrets.filed("wg0.conf", 0o640, text));
});
