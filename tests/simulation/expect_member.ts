import type { Hub } from "../../lib/contract/active_hub.ts";
import { MARKED } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { hostCidr } from "../../lib/ip/cidr.ts";
import { printEndpoint } from "../../lib/ip/endpoint.ts";
import { OUR_PROTOCOL } from "../../lib/tunnel/plan_routes.ts";
import { expectHandshakes, expectSame } from "./expect_same.ts";
import type { HubResident, MemberResident } from "./simulated_cluster.ts";
import { PORT } from "./simulated_machine.ts";
import { KEYS } from "./simulated_nodes.ts";
import { KEEPALIVE } from "./simulated_spoke.ts";

/** A member is registered and follows the active hub, or is to be none and has left nothing. @throws {Violation} */
export function expectMember(
  { machine }: MemberResident,
  node: NodeView,
  hub: Hub | undefined,
  active: HubResident | undefined,
): void {
  const { kind, host } = machine;
  const { labels, annotations } = node;
  const said = [
    labels[KEYS.peer],
    labels[KEYS.member],
    annotations[KEYS.publicKey],
    annotations[KEYS.allowedIPs],
  ].join();
  const what = `the Node ${kind.name}`;
  if (labels[KEYS.member] === "false") {
    expectSame("published", `${what}, which is to be no member,`, said, ",false,,");
    expectSame("members", `${kind.name} has an interface`, host.wireguard, undefined);
    return;
  }
  const own = host.underlay.address.address;
  const key = kind.privateKey.publicKey;
  expectSame("published", what, said, [MARKED, MARKED, key, hostCidr(own)].join());
  if (!hub || !active) return;
  const { wireguard } = host;
  const peers = [...wireguard?.peers ?? []].map(([key, { endpoint, keepalive }]) =>
    [key, endpoint && printEndpoint(endpoint), keepalive].join(" ")
  );
  const inside = { host: active.machine.host.underlay.address.address, port: PORT };
  const wanted = [hub.publicKey, printEndpoint(inside), KEEPALIVE].join(" ");
  expectSame("follows", `the peers of ${kind.name}`, peers.join(), wanted);
  const prefixes = [...wireguard!.owners.keys()].join();
  expectSame("follows", `what ${kind.name} sends to it`, prefixes, kind.tunnelCidrs!.join());
  const index = host.link("wg0")!.index;
  const routes = host.routesOf({ interfaceIndex: index, protocol: OUR_PROTOCOL })
    .map(({ destination, preferredSource }) => `${destination} from ${preferredSource}`);
  const from = kind.tunnelCidrs!.map((cidr) => `${cidr} from ${own}`);
  expectSame("members", `the routes of ${kind.name}`, routes.join(), from.join());
  const addresses = host.addresses.filter(({ interfaceIndex }) => interfaceIndex === index).length;
  expectSame("members", `the addresses of ${kind.name}`, addresses, 0);
  const peer = active.program!.judgement?.admitted.get(key);
  if (peer?.node === kind.name) expectHandshakes(machine, hub, active);
}
