import { assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { readinessOf } from "../../lib/status/ask_readiness.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { peerState } from "../../lib/status/peer_state.ts";
import { renderStatus } from "../../lib/status/render_status.ts";
import { statusJson } from "../../lib/status/status_json.ts";
import { textTable } from "../../lib/status/text_table.ts";
import { VERSION } from "../../lib/version.ts";
import { keyOf } from "./arbitraries.ts";
import { AWAY, NOW, REPORT } from "./status_reports.ts";

Deno.test("renderStatus() tells what the machine is, its peers, and what is wrong with them", () => {
  assertEquals(
    renderStatus(REPORT),
    `\
hub        hub-1: ready
interface  wg0: up, kernel, MTU 1420, port 51820
addresses  100.96.0.1/32 fd64::1/128
key        ${keyOf(9)}
API        https://10.0.0.1:443: answers
hubs       hub-1 (active), hub-2 (not Ready)
version    ${VERSION}

NODE                                          STATE  ENDPOINT           ALLOWED IPS                  HANDSHAKE  RECEIVED  SENT
edge-2                                        up     203.0.113.2:51820  100.96.0.2/32 10.244.2.0/24  4 s ago    6.7 KiB   2.0 GiB
edge-4                                        never  -                  -                            -          0 B       0 B
${keyOf(2)}  stale  -                  -                            1 h ago    1 B       2 B

edge-4: has published no key yet
edge-4: allowed-ips 100.96.0.2/32 is refused: overlaps 100.96.0.2/32, which node edge-2 holds

3 peers: 1 up, 1 stale, 1 never
`,
  );
});

Deno.test("renderStatus() lets no peer with many prefixes or refusals push away the others", () => {
  const [first, second] = REPORT.peers;
  const allowedIPs = Array.from({ length: 64 }, (_, at) => `10.0.${at}.0/24` as Cidr);
  const [refusal] = REPORT.peers.flatMap(({ refusals }) => refusals);
  const refusals = allowedIPs.map((value) => ({ ...refusal!, value }));
  const text = renderStatus({
    ...REPORT,
    peers: [{ ...first!, allowedIPs }, { ...second!, refusals }],
  });
  assertMatch(text, /^edge-2 .* 10\.0\.0\.0\/24 10\.0\.1\.0\/24 \S+ \S+ and 60 more {2}\d/m);
  assertEquals(text.match(/^edge-4: allowed-ips .* is refused: /gm)?.length, 4);
  assertMatch(text, /^edge-4: 60 more are refused: --output=json lists them$/m);
});

Deno.test("renderStatus() says what could not be told", () => {
  assertEquals(
    renderStatus(AWAY),
    `\
hub        hub-1: not running; nobody answers at 127.0.0.1:9587
interface  wg0: there is no such WireGuard interface
addresses  none
key        none
API        no answer for 3 s
hubs       unknown
version    ${VERSION}

no peers
the ledger cannot be read

0 peers
`,
  );
});

Deno.test("renderStatus() colours without moving anything, and only when told", () => {
  for (const report of [REPORT, AWAY]) {
    const plain = renderStatus(report);
    assertEquals(plain.includes("\x1b"), false);
    const coloured = renderStatus(report, true);
    assertEquals(coloured === plain, false);
    // deno-lint-ignore no-control-regex -- they are what is taken away
    assertEquals(coloured.replaceAll(/\x1b\[\d+m/g, ""), plain);
  }
});

Deno.test("statusJson() is JSON, with times in ISO 8601 and null for what there is not", () => {
  const json = JSON.parse(JSON.stringify(statusJson(REPORT)));
  assertEquals(Object.keys(json).sort(), [
    ...["api", "hubs", "interface", "node", "peers", "program", "standing", "time"],
    ...["troubles", "version"],
  ]);
  assertEquals(json.time, "2026-03-01T12:00:00.000Z");
  assertEquals(json.interface.addresses, ["100.96.0.1/32", "fd64::1/128"]);
  assertEquals(json.peers[0], {
    node: "edge-2",
    publicKey: keyOf(1),
    state: "up",
    endpoint: "203.0.113.2:51820",
    allowedIPs: ["100.96.0.2/32", "10.244.2.0/24"],
    lastHandshake: "2026-03-01T11:59:55.800Z",
    handshakeAge: 4,
    rxBytes: 6861,
    txBytes: 2 * 1024 ** 3,
    refusals: [],
  });
  const { node, publicKey, endpoint, lastHandshake, handshakeAge } = json.peers[1];
  assertEquals([node, publicKey, endpoint, lastHandshake, handshakeAge], [
    "edge-4",
    ...[null, null, null, null],
  ]);
  assertEquals(json.peers[2].node, null);
});

Deno.test("peerState() goes by the age of the handshake, and bears a clock that goes back", () => {
  const table: [number, string][] = [
    [0, "never"],
    [NOW, "up"],
    [NOW - 180_000, "up"],
    [NOW - 180_001, "stale"],
    [NOW + 60_000, "up"],
  ];
  for (const [lastHandshake, state] of table) assertEquals(peerState(lastHandshake, NOW), state);
});

Deno.test("readinessOf() reads what the hub waits for, and lets no control character through", () => {
  assertEquals(readinessOf(200, "ok\n"), { state: "ready", reasons: [] });
  assertEquals(readinessOf(503, "[+]tunnel\n[-]published: no ExternalIP\nnot ok\n"), {
    state: "not ready",
    reasons: ["no ExternalIP"],
  });
  assertEquals(readinessOf(404, "what?").state, "unknown");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    for (const reason of readinessOf(503, `[-]x: ${text}`).reasons) {
      assertMatch(reason, /^[\x20-\x7e]{1,200}$/);
    }
  }));
});

Deno.test("textTable() aligns its columns, and paints cells after that", () => {
  const rows = [["a", "bb", "c"], ["aaa", "b", "c"]];
  assertEquals(textTable(rows), ["a    bb  c", "aaa  b   c"]);
  assertEquals(
    textTable(rows, (cell, row) => row === 1 ? `<${cell}>` : cell)[1],
    "<aaa>  <b >  <c>",
  );
  assertEquals(textTable([]), []);
});
