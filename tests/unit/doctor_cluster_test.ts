import { assertEquals } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { checkApi } from "../../lib/doctor/checks/api.ts";
import { checkCilium, type CiliumFacts } from "../../lib/doctor/checks/cilium.ts";
import { checkClock } from "../../lib/doctor/checks/clock.ts";
import { checkCredential } from "../../lib/doctor/checks/credential.ts";
import { checkHubPrefixes, type HubPrefixFacts } from "../../lib/doctor/checks/hub_prefixes.ts";
import { checkHubs } from "../../lib/doctor/checks/hubs.ts";
import { checkNodeAddress, type NodeAddressFacts } from "../../lib/doctor/checks/node_address.ts";
import { checkOwnClaim, type OwnClaimFacts } from "../../lib/doctor/checks/own_claim.ts";
import { checkOwnNode, type OwnNodeFacts } from "../../lib/doctor/checks/own_node.ts";
import { checkPeers, type PeerFacts } from "../../lib/doctor/checks/peers.ts";
import { checkProgram } from "../../lib/doctor/checks/program.ts";
import { checkRefusals } from "../../lib/doctor/checks/refusals.ts";
import { checkRights } from "../../lib/doctor/checks/rights.ts";
import { HUB_RIGHTS, readRights, spokeRights } from "../../lib/doctor/read_rights.ts";
import { validityOf } from "../../lib/doctor/validity.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { keyOf } from "./arbitraries.ts";
import { cidrs, claim } from "./claims.ts";
import { type Expected, expectFinding, expectFindings } from "./expect_finding.ts";
import { HELD, NOW, REPORT } from "./status_reports.ts";

const KEYS = annotationKeys("wireguard.kube/");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

Deno.test("checkPeers() warns a hub of silent peers, and fails a spoke that hears nobody", () => {
  const [up, unseen, stale] = REPORT.peers as [PeerFact, PeerFact, PeerFact];
  const well: PeerFacts = { program: "hub", listenPort: 51820, peers: [up], time: NOW };
  expectFindings(checkPeers, well, [
    [{}, ["ok", /^1 up$/]],
    [{ peers: [] }, ["ok", /there are none/]],
    [{ peers: undefined }, ["skipped", /interface/]],
    [{ peers: REPORT.peers }, [
      "warning",
      /^edge-4 has never shaken hands, \S{44} was last heard 1 h ago; 1 of 3 up$/,
      /UDP port 51820 must be open/,
    ]],
    [{ peers: [up, { ...unseen, state: "refused" }] }, ["ok", /^1 up$/]],
    [{ program: "spoke", peers: [] }, ["failed", /no hub/, /checks of API and hubs/]],
    [{ program: "spoke", peers: [up, stale] }, ["warning", /1 h ago/, /firewall/]],
    [{ program: "spoke", peers: [{ ...up, state: "stale", lastHandshake: NOW - HOUR }] }, [
      "failed",
      /^edge-2 was last heard 1 h ago$/,
      /UDP to 203\.0\.113\.2:51820/,
    ]],
  ]);
});
type PeerFact = typeof REPORT.peers[number];

Deno.test("checkApi() tells a credential that is not there, silence, and a refusal", () => {
  const server = "https://10.0.0.1:443";
  const table: [Parameters<typeof checkApi>[0], Expected][] = [
    [{ server, status: 200 }, ["ok", /10\.0\.0\.1:443 answers$/]],
    [{ server, status: 403 }, ["ok", /answers$/]],
    [{ server, status: 401 }, ["failed", /401/, /expired or was revoked/]],
    [{ server, status: 503 }, ["warning", /answers 503/, /log/]],
    [{ server, fault: "no answer for 3 s" }, [
      "failed",
      /no answer for 3 s/,
      /curl -k https:\/\/10/,
    ]],
    [{ credentialFault: "/x does not exist; create it" }, ["failed", /\/x does not exist/]],
    [{}, ["skipped", /not asked/]],
  ];
  for (const [facts, expected] of table) expectFinding(checkApi(facts), expected);
});

Deno.test("checkClock() bears a minute, ahead or behind", () => {
  expectFinding(checkClock(undefined), ["skipped", /has not told/]);
  for (const skew of [0, MINUTE, -MINUTE]) expectFinding(checkClock(skew), ["ok", /agrees/]);
  expectFinding(checkClock(MINUTE + 500), ["warning", /^61 s ahead of/, /timedatectl/]);
  expectFinding(checkClock(-HOUR), ["warning", /^3600 s behind/, /timedatectl/]);
});

Deno.test("checkCredential() fails what has expired, and warns of what was not renewed in time", () => {
  const token = (from: number, until: number) =>
    checkCredential({ kind: "token", from: NOW + from, until: NOW + until }, NOW);
  expectFinding(checkCredential(undefined, NOW), ["skipped", /does not say/]);
  expectFinding(token(-HOUR / 2, HOUR / 2), [
    "ok",
    /valid for 30 min 0 s, until 2026-03-01T12:30:00Z/,
  ]);
  expectFinding(token(-9 * HOUR, HOUR), ["ok", /valid for/]);
  expectFinding(token(-9 * HOUR, HOUR - 1), ["warning", /was not renewed/, /kubelet/]);
  expectFinding(token(-HOUR, -1), ["failed", /the token expired 0 s ago/, /pod's token/]);
  expectFinding(token(1, HOUR), ["failed", /not valid yet/, /clock/]);
  const certificate = checkCredential({ kind: "certificate", until: NOW - HOUR }, NOW);
  expectFinding(certificate, ["failed", /certificate expired 1 h ago/, /kubectl get csr/]);
});

Deno.test("validityOf() reads what a token says, and nothing of what is no such token", () => {
  const bearer = (payload: unknown) => {
    const bytes = new TextEncoder().encode(JSON.stringify(payload));
    const part = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
    return validityOf({ headers: { authorization: `Bearer e30.${part}.AA` } });
  };
  assertEquals(bearer({ iat: 100, exp: 200 }), { kind: "token", from: 100_000, until: 200_000 });
  assertEquals(bearer({ exp: 200 }), { kind: "token", until: 200_000 });
  for (const payload of [{}, { exp: "soon" }, null, 7]) assertEquals(bearer(payload), undefined);
  for (const authorization of ["Bearer opaque", "Bearer a.%.c", "Basic eDp5", ""]) {
    assertEquals(validityOf({ headers: { authorization } }), undefined);
  }
  assertEquals(validityOf({ headers: {} }), undefined);
  assertEquals(validityOf({ headers: {}, certificate: "no PEM" }), undefined);
});

Deno.test("checkRights() names each that is missing, and the manifest", () => {
  const right = (what: string, allowed: boolean | undefined) => ({ what, allowed });
  expectFinding(checkRights([right("get nodes", true)]), ["ok", /may get nodes/]);
  expectFinding(checkRights([right("get nodes", true), right("list nodes", false)]), [
    "failed",
    /^may not list nodes$/,
    /deploy\/rbac\.yaml/,
  ]);
  expectFinding(checkRights([right("get nodes", undefined)]), ["skipped", /did not say/]);
  expectFinding(checkRights([]), ["skipped", /did not say/]);
});

Deno.test("readRights() asks for each right apart; no answer is no refusal", async () => {
  const asked: unknown[] = [];
  const api = {
    send: ({ body }: { body?: unknown }) => {
      const { spec } = body as { spec: { resourceAttributes: { verb: string } } };
      asked.push(spec.resourceAttributes);
      const { verb } = spec.resourceAttributes;
      if (verb === "watch") return Promise.reject(new Error("no answer"));
      return Promise.resolve({ status: { allowed: verb !== "patch" } });
    },
  };
  const { signal } = new AbortController();
  const rights = await readRights(api, HUB_RIGHTS, signal);
  assertEquals(rights.map(({ what, allowed }) => [what, allowed]), [
    ["get nodes", true],
    ["list nodes", true],
    ["watch nodes", undefined],
    ["patch nodes", false],
    ["create events in default", true],
  ]);
  assertEquals(asked, [...HUB_RIGHTS]);
  const [own] = await readRights(api, spokeRights("edge-2"), signal);
  assertEquals(own!.what, "get nodes edge-2");
});

Deno.test("checkProgram() takes over the hub's own reasons", () => {
  const table: [Parameters<typeof checkProgram>[0], Expected][] = [
    [{ state: "ready", reasons: [] }, ["ok", /^ready$/]],
    [{ state: "not ready", reasons: ["no ExternalIP"] }, ["warning", /no ExternalIP/, /logs/]],
    [{ state: "not running", reasons: ["nobody answers"] }, ["failed", /nobody/, /get pods/]],
    [{ state: "unknown", reasons: ["it is off"] }, ["skipped", /it is off/]],
    [undefined, ["skipped", /not asked/]],
  ];
  for (const [standing, expected] of table) expectFinding(checkProgram(standing), expected);
});

Deno.test("checkOwnNode() wants label, key, endpoint and prefixes, each said apart", () => {
  const annotations = {
    [KEYS.publicKey]: keyOf(1),
    [KEYS.endpoint]: "203.0.113.1:51820",
    [KEYS.allowedIPs]: "100.96.0.0/12",
  };
  const node: NodeView = {
    name: "hub-1",
    uid: "u",
    createdAt: 0,
    labels: { [KEYS.hub]: "true" },
    annotations,
    status: { internalIPs: [], externalIPs: [], ready: true },
  };
  const well: OwnNodeFacts = {
    role: "hub",
    nodeName: "hub-1",
    keys: KEYS,
    node,
    publicKey: keyOf(1),
  };
  const without = (key: string): Partial<OwnNodeFacts> => ({
    node: {
      ...node,
      annotations: Object.fromEntries(Object.entries(annotations).filter(([name]) => name !== key)),
    },
  });
  expectFindings(checkOwnNode, well, [
    [{}, ["ok", /^hub-1 has label, key, endpoint and allowed-ips$/]],
    [{ publicKey: undefined }, ["ok", /label/]],
    [{ node: undefined }, ["skipped", /API/]],
    [{ node: null }, ["failed", /there is no Node hub-1/, /--node-name/]],
    [{ node: { ...node, labels: {} } }, [
      "failed",
      /no label wireguard\.kube\/hub/,
      /kubectl label/,
    ]],
    [{ role: "peer" }, ["failed", /no label wireguard\.kube\/peer/, /spoke run/]],
    [without(KEYS.publicKey), ["failed", /published no key/, /hub run/]],
    [{ publicKey: keyOf(2) }, ["failed", /another key/, /hub run/]],
    [without(KEYS.endpoint), ["failed", /no endpoint.*no ExternalIP/, /--endpoint=/]],
    [without(KEYS.allowedIPs), ["failed", /names no prefixes/, /hub run/]],
    [{ ...without(KEYS.endpoint), role: "peer" }, ["failed", /no label/, /spoke run/]],
  ]);
  const peer = { ...node, labels: { [KEYS.peer]: "true" } };
  expectFindings(checkOwnNode, { ...well, role: "peer", node: peer }, [
    [{}, ["ok", /label, key and allowed-ips$/]],
  ]);
});

Deno.test("checkHubPrefixes() wants the hub's InternalIP and the peers' prefixes in allowed-ips", () => {
  const internalIPs = ["172.16.0.4" as IpAddress];
  const well: HubPrefixFacts = {
    allowedIPs: cidrs("100.96.0.0/12 172.16.0.0/16"),
    node: { status: { internalIPs, externalIPs: [], ready: true } },
    peerPrefixes: cidrs("100.96.0.2/32"),
  };
  expectFindings(checkHubPrefixes, well, [
    [{}, ["ok", /hold what spokes need/]],
    [{ node: undefined }, ["skipped", /API/]],
    [{ allowedIPs: cidrs("100.96.0.0/12") }, [
      "warning",
      /^lacks the hub's InternalIP 172\.16\.0\.4\/32: pods/,
      /--allowed-ips=100\.96\.0\.0\/12,172\.16\.0\.4\/32,/,
    ]],
    [{ allowedIPs: cidrs("100.96.0.1/32 172.16.0.0/16") }, [
      "warning",
      /^lacks 100\.96\.0\.2\/32 of peers: other spokes/,
      /--allowed-ips=/,
    ]],
  ]);
});

Deno.test("checkHubs() tells of none, of one that is incomplete, and of several", () => {
  const hub = { node: "hub-1", active: true, ready: true, refusals: [] };
  const other = { ...hub, node: "hub-2", active: false };
  const check = (hubs: Parameters<typeof checkHubs>[0]) => checkHubs(hubs, KEYS.hub);
  expectFinding(check(undefined), ["skipped", /API/]);
  expectFinding(check([]), ["failed", /no Node is labelled/, /kubectl label node/]);
  expectFinding(check([hub]), ["ok", /^hub-1$/]);
  expectFinding(check([{ ...hub, active: false }]), ["failed", /none has published/, /hub doctor/]);
  expectFinding(check([{ ...hub, ready: false }]), ["warning", /not Ready/, /describe node hub-1/]);
  expectFinding(check([hub, other]), [
    "warning",
    /hub-1, hub-2 are labelled as hubs: hub-1 serves/,
    /kubectl label node hub-2 wireguard\.kube\/hub-$/,
  ]);
});

Deno.test("checkRefusals() tells who is refused what, and why", () => {
  expectFinding(checkRefusals(undefined), ["skipped", /API/]);
  expectFinding(checkRefusals([]), ["ok", /nothing/]);
  expectFinding(checkRefusals([HELD]), [
    "warning",
    /^edge-4's allowed-ips 100\.96\.0\.2\/32 overlaps .* which node edge-2 holds$/,
    /describe node edge-4/,
  ]);
  const many = checkRefusals(new Array(7).fill(HELD));
  expectFinding(many, ["warning", /holds and 3 more$/, /edge-4/]);
});

Deno.test("checkOwnClaim() tells who else has this machine's key or prefixes", () => {
  const own = claim(2, "100.96.0.2/32");
  const well: OwnClaimFacts = { own, claims: [own, claim(3, "100.96.0.3/32")] };
  expectFindings(checkOwnClaim, well, [
    [{}, ["ok", /no other Node/]],
    [{ claims: undefined }, ["skipped", /API/]],
    [{ own: undefined }, ["skipped", /no key/]],
    [{ claims: [own, claim(3, "", { publicKey: keyOf(2) })] }, [
      "failed",
      /n3 has this/,
      /private\.key/,
    ]],
    [{ claims: [own, claim(3, "100.96.0.0/24")] }, [
      "failed",
      /100\.96\.0\.2\/32 overlaps 100\.96\.0\.0\/24, which node n3/,
      /WG_ADDRESS/,
    ]],
  ]);
});

Deno.test("checkNodeAddress() wants the Node's InternalIP on the tunnel's interface", () => {
  const status = (...internalIPs: string[]) => ({
    status: { internalIPs: internalIPs as IpAddress[], externalIPs: [], ready: true },
  });
  const well: NodeAddressFacts = {
    name: "wg0",
    node: status("100.96.0.2"),
    addresses: ["100.96.0.2" as IpAddress],
    isMember: false,
  };
  expectFindings(checkNodeAddress, well, [
    [{}, ["ok", /InternalIP 100\.96\.0\.2 is on wg0/]],
    [{ node: undefined }, ["skipped", /API/]],
    [{ node: status() }, ["warning", /no InternalIP/, /--node-ip=100\.96\.0\.2/]],
    [{ node: status("192.168.1.7") }, ["warning", /192\.168\.1\.7 is not on wg0/, /--node-ip=100/]],
    [{ isMember: true }, ["ok", /InternalIP 100\.96\.0\.2 is on this machine/]],
    [{ isMember: true, node: status("192.168.1.7") }, ["warning", /this machine/, /--node-ip/]],
  ]);
});

Deno.test("checkCilium() wants the tunnel's MTU and device, and no second encryption", () => {
  const config = { mtu: "1420", devices: "eth0 wg+", "routing-mode": "native" };
  const well: CiliumFacts = { config, name: "wg0", mtu: 1420 };
  expectFindings(checkCilium, well, [
    [{}, ["ok", /^native routing, MTU 1420, devices eth0 wg\+$/]],
    [{ config: {} }, ["ok", /^tunnel routing, MTU found by itself, devices found by itself$/]],
    [{ config: undefined }, ["skipped", /API did not/]],
    [{ config: "absent" }, ["skipped", /there is no/]],
    [{ config: "unreadable" }, ["skipped", /may not read/]],
    [{ config: { ...config, mtu: "1500" } }, ["warning", /its mtu is 1500/, /MTU: 1420$/]],
    [{ config: { ...config, devices: "eth0" } }, [
      "warning",
      /without wg0/,
      /devices: \[eth0, wg0\]/,
    ]],
    [{ config: { ...config, "enable-wireguard": "true" } }, ["warning", /encrypts/, /encryption/]],
  ]);
});
