import { assertEquals } from "@std/assert";
import type { Claim } from "../../lib/contract/claim.ts";
import { hubPeers, type JudgedNodes } from "../../lib/status/hub_peers.ts";
import { spokePeers } from "../../lib/status/spoke_peers.ts";
import type { PeerStatus } from "../../lib/status/status_report.ts";
import type { Device } from "../../lib/wireguard/device.ts";
import { keyOf } from "./arbitraries.ts";
import { at, claim, judge } from "./claims.ts";
import { HELD, NOW } from "./status_reports.ts";

/** An interface with the peers of these numbers; those that are up have a handshake just now. */
function device(peers: Readonly<Record<number, "up" | "never">> = {}): Device {
  const entries = Object.entries(peers).map(([number, state]) => {
    const publicKey = keyOf(Number(number));
    const lastHandshake = state === "up" ? NOW - 1 : 0;
    const rest = { persistentKeepalive: 0, allowedIPs: [], rxBytes: 0, txBytes: 0 };
    return [publicKey, { publicKey, lastHandshake, ...rest }] as const;
  });
  return { name: "wg0", listenPort: 51820, fwmark: 0, peers: new Map(entries) };
}

function judged(...claims: readonly Claim[]): JudgedNodes {
  return { claims, judgement: judge(claims) };
}

const statesOf = (peers: readonly PeerStatus[]) =>
  peers.map(({ node, state, note }) => [node, state, ...(note === undefined ? [] : [note])]);

Deno.test("hubPeers() has a state for every Node, and says why it is no peer", () => {
  const { publicKey: _, ...keyless } = claim(5, "");
  const nodes = judged(
    claim(1, "100.96.0.2/32"),
    claim(2, "100.96.0.2/32"),
    claim(3, "", { publicKey: keyOf(1) }),
    claim(4, ""),
    keyless,
  );
  const peers = hubPeers(device({ 1: "up", 2: "never" }), nodes, undefined, NOW);
  assertEquals(statesOf(peers), [
    ["n1", "up"],
    ["n2", "never"],
    ["n3", "refused"],
    ["n4", "never", "is not on the interface yet: does the hub run?"],
    ["n5", "never", "has published no key yet"],
  ]);
  assertEquals(peers[1]!.refusals.map(({ code }) => code), ["held"]);
  assertEquals(peers[2]!.refusals.map(({ subject }) => subject), ["public-key"]);
});

Deno.test("hubPeers() shows peers of no Node by their keys, or by what the ledger says", () => {
  const found = device({ 2: "never", 1: "never" });
  const ledger = { keys: new Map([[keyOf(1), "edge-1"]]) };
  const unjudged = hubPeers(found, undefined, ledger, NOW);
  assertEquals(statesOf(unjudged), [["edge-1", "never"], [undefined, "never"]]);
  assertEquals(unjudged[1]!.publicKey, keyOf(2));
  const takenAway = "no Node is admitted with this key: the hub takes the peer away";
  assertEquals(statesOf(hubPeers(found, judged(), undefined, NOW)), [
    [undefined, "never", takenAway],
    [undefined, "never", takenAway],
  ]);
  assertEquals(hubPeers(undefined, undefined, undefined, NOW), []);
});

Deno.test("spokePeers() names the hub and peers of the site, and misses one that is not on the interface", () => {
  const publicKey = keyOf(1);
  const hub = { ...claim(1, ""), publicKey, ...at("203.0.113.1:51820") };
  const choice = { hub, labelled: ["n1"], claims: [hub] };
  const refusal = { ...HELD, node: "n1" };
  const seen = spokePeers(device({ 1: "up", 2: "never" }), choice, [claim(2, "")], [refusal], NOW);
  assertEquals(statesOf(seen), [["n1", "up"], ["n2", "never"]]);
  assertEquals(seen.map(({ refusals }) => refusals), [[refusal], []]);
  assertEquals(statesOf(spokePeers(device(), choice, [], [], NOW)), [
    ["n1", "never", "is the active hub, and not on the interface yet: does the spoke run?"],
  ]);
  const alone = spokePeers(device({ 1: "up" }), undefined, [], [], NOW);
  assertEquals(statesOf(alone), [[undefined, "up"]]);
});
