import { activeHub, type Hub } from "../../lib/contract/active_hub.ts";
import { admit } from "../../lib/contract/admission.ts";
import { MARKED } from "../../lib/contract/annotation_keys.ts";
import { peerClaimOf, withInternalIPs } from "../../lib/contract/claim.ts";
import { parseLedger } from "../../lib/contract/ledger_text.ts";
import { memberClaim } from "../../lib/contract/member_claim.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { wantedPeers } from "../../lib/contract/wanted_peers.ts";
import { type Cidr, cidrContains, networkOf } from "../../lib/ip/cidr.ts";
import { printEndpoint } from "../../lib/ip/endpoint.ts";
import type { Rule } from "../../lib/netlink/rules.ts";
import { MEMBERS_TABLE, membersPolicy } from "../../lib/tunnel/plan_members.ts";
import { OUR_PROTOCOL } from "../../lib/tunnel/plan_routes.ts";
import { expectMember } from "./expect_member.ts";
import { expectHandshakes, expectSame as same } from "./expect_same.ts";
import type { HubResident, SimulatedCluster, SpokeResident } from "./simulated_cluster.ts";
import { FILES, isOfMember, PORT, prefixesOf } from "./simulated_machine.ts";
import { KEYS, publicAddress } from "./simulated_nodes.ts";
import { KEEPALIVE } from "./simulated_spoke.ts";

/** Looks at all machines when nothing has gone wrong for a while. @throws {Violation} */
export function expectConverged(cluster: SimulatedCluster): void {
  const { api, hubs, spokes, members } = cluster;
  const { hub } = activeHub(api.nodes.values(), KEYS);
  const active = hubs.find(({ machine }) => machine.name === hub?.node);
  for (const one of hubs) {
    const node = api.nodes.get(one.machine.name)!;
    if (node.labels[KEYS.hub] !== MARKED) expectRetired(one, node);
    else expectHub(cluster, one, node, one === active);
  }
  for (const spoke of spokes) {
    expectRegistered(spoke, api.nodes.get(spoke.machine.name)!);
    if (hub && active) expectFollowed(spoke, hub, active);
  }
  for (const member of members) {
    expectMember(member, api.nodes.get(member.machine.name)!, hub, active);
  }
}

/** The hub's interface is what a judgement says that is made now, of what it should know. */
function expectHub(
  { api, claimHold }: SimulatedCluster,
  { machine, program }: HubResident,
  node: NodeView,
  isActive: boolean,
): void {
  const { host, disk, kind } = machine;
  const ledger = parseLedger(disk.files.get(FILES.ledger) ?? "");
  same("converged", `${kind.name} has written a ledger`, ledger !== undefined, true);
  const wireguard = host.wireguard;
  same("converged", `${kind.name} has an interface`, wireguard !== undefined, true);
  const claims = [...api.nodes.values()]
    .filter((one) => one.labels[KEYS.peer] === MARKED && one.name !== kind.name)
    .map((one) => {
      const claim = peerClaimOf(one, KEYS);
      return claim.isMember ? memberClaim(claim, one) : withInternalIPs(claim, one);
    });
  const hold = { now: Date.now(), holdMs: claimHold * 1000 };
  const peers = wantedPeers(admit(claims, program!.facts!, ledger!, hold).admitted);
  const wanted = [...peers.values()].flatMap(({ publicKey, allowedIPs }) => [
    publicKey,
    ...allowedIPs.map((cidr) => `${cidr} ${publicKey}`),
  ]);
  // A prefix within a wider one of the same peer says nothing more.
  const owners = [...wireguard!.owners].filter(([cidr, key]) =>
    !peers.get(key)?.allowedIPs.some((one) => one !== cidr && cidrContains(one, cidr))
  );
  const found = [...wireguard!.peers.keys(), ...owners.map((entry) => entry.join(" "))];
  same("converged", `${kind.name} has the peers`, sorted(found), sorted(wanted));
  const keepalives = [...wireguard!.peers.values()].filter(({ keepalive }) => keepalive > 0);
  same("converged", `keepalives of ${kind.name}`, keepalives.length, 0);
  expectInterface(machine, isActive);
  const { annotations } = node;
  const endpoint = `${publicAddress(kind.name)}:${PORT}`;
  same(
    "published",
    `the Node ${kind.name}`,
    said(annotations),
    [
      kind.privateKey.publicKey,
      endpoint,
      "100.96.0.0/12",
    ].join(),
  );
}

/**
 * Addresses are there, and each prefix that no address's network holds has a route of ours; where
 * packets are to go by another hub, there is neither a network nor a route.
 */
function expectInterface({ host, kind }: HubResident["machine"], isRouting: boolean): void {
  const index = host.link("wg0")!.index;
  const addresses = host.addresses.filter(({ interfaceIndex }) => interfaceIndex === index)
    .map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  const wanted = kind.address.map(({ address, prefixLength }) =>
    `${address}/${isRouting ? prefixLength : 32}`
  );
  same("converged", `${kind.name} has the addresses`, sorted(addresses), sorted(wanted));
  const prefixes = [...host.wireguard!.owners.keys()].filter(() => isRouting);
  const destinations = withoutNested(prefixes.filter((cidr) => !isOfMember(cidr))).filter((cidr) =>
    !kind.address.some((address) => cidrContains(networkOf(address), cidr))
  );
  const ours = host.routesOf({ interfaceIndex: index, protocol: OUR_PROTOCOL });
  const routesIn = (isMembers: boolean) =>
    sorted(
      ours.filter(({ table }) => (table === MEMBERS_TABLE) === isMembers)
        .map(({ destination }) => destination),
    );
  same("converged", `${kind.name} has the routes`, routesIn(false), sorted(destinations));
  const toMembers = prefixes.filter(isOfMember);
  same("members", `${kind.name} has the routes to members`, routesIn(true), sorted(toMembers));
  const { rules } = membersPolicy(toMembers, "wg0", kind.address);
  const printed = (all: readonly Rule[]) =>
    sorted(all.map((rule) => JSON.stringify(Object.entries(rule).sort())));
  same("members", `the rules of ${kind.name}`, printed(host.rules), printed(rules));
}

function expectRetired({ machine: { host, name } }: HubResident, { annotations }: NodeView): void {
  same("converged", `${name}, which is no hub, has an interface`, host.wireguard, undefined);
  same("published", `the Node ${name}, which is no hub,`, said(annotations), ",,");
}

function expectRegistered({ machine: { kind } }: SpokeResident, node: NodeView): void {
  const { annotations, labels } = node;
  const is = [labels[KEYS.peer], annotations[KEYS.publicKey], annotations[KEYS.allowedIPs]];
  const should = [MARKED, kind.privateKey.publicKey, prefixesOf(kind).join(",")];
  same("published", `the Node ${kind.name}`, is.join(" "), should.join(" "));
}

/** The spoke has the active hub as its only peer, on disk too; and where that has it, they speak. */
function expectFollowed({ machine }: SpokeResident, hub: Hub, active: HubResident): void {
  const { host, disk, kind } = machine;
  const own = kind.privateKey.publicKey;
  const { wireguard } = host;
  const found = [...wireguard?.peers ?? []].map(([key, { endpoint, keepalive }]) =>
    [key, endpoint && printEndpoint(endpoint), keepalive].join(" ")
  );
  const wanted = [hub.publicKey, printEndpoint(hub.endpoint), KEEPALIVE].join(" ");
  same("follows", `the peers of ${kind.name}`, found.join(), wanted);
  const prefixes = withoutNested([...wireguard!.owners.keys()]);
  same("follows", `what ${kind.name} sends to it`, prefixes.join(), hub.allowedIPs?.join());
  expectInterface(machine, true);
  const remembers = disk.files.get(FILES.lastKnownGood)?.includes(hub.publicKey);
  same("follows", `${kind.name} has it on its disk`, remembers, true);
  const peer = active.program!.judgement?.admitted.get(own);
  if (peer?.node !== kind.name) return; // somebody else has taken its key before it came
  expectHandshakes(machine, hub, active);
}

/** A prefix within a wider one of the same peer says nothing more. */
function withoutNested(cidrs: readonly Cidr[]): Cidr[] {
  return cidrs.filter((cidr) => !cidrs.some((one) => one !== cidr && cidrContains(one, cidr)));
}

function said(annotations: NodeView["annotations"]): string {
  return [KEYS.publicKey, KEYS.endpoint, KEYS.allowedIPs].map((key) => annotations[key]).join();
}

function sorted(texts: readonly string[]): string {
  return [...texts].sort().join(", ");
}
