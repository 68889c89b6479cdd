import { assertEquals } from "@std/assert";
import { printAge, printBytes } from "../../lib/status/print_quantity.ts";
import { peerTable } from "../../tasks/demo/peer_table.ts";

const NOW = Date.UTC(2026, 10, 25);

Deno.test("peerTable() lists the peers in the order of their Nodes, in columns", () => {
  const rows = [
    {
      node: "edge-3",
      endpoint: "203.0.113.3:51820",
      allowedIPs: ["100.96.0.3/32", "10.244.3.0/24"],
      lastHandshake: NOW - 65_000,
      rxBytes: 1536,
      txBytes: 10,
    },
    { node: "edge-2", allowedIPs: [], lastHandshake: 0, rxBytes: 0, txBytes: 0 },
  ];
  assertEquals(peerTable(rows, NOW), [
    "NODE    ENDPOINT           ALLOWED IPS                  HANDSHAKE      RECEIVED  SENT",
    "edge-2  (none)             (none)                       never          0 B       0 B",
    "edge-3  203.0.113.3:51820  100.96.0.3/32 10.244.3.0/24  1 min 5 s ago  1.5 KiB   10 B",
  ]);
});

Deno.test("peerTable() shows a peer whose key no Node has", () => {
  const row = { allowedIPs: ["100.96.0.9/32"], lastHandshake: NOW, rxBytes: 1, txBytes: 2 };
  assertEquals(
    peerTable([row], NOW)[1],
    "(none)  (none)    100.96.0.9/32  0 s ago    1 B       2 B",
  );
});

for (
  const [ms, text] of [
    [-5, "0 s"],
    [1499, "1 s"],
    [59_400, "59 s"],
    [60_000, "1 min 0 s"],
    [7_199_000, "1 h"],
  ] as const
) {
  Deno.test(`printAge() prints ${ms} ms as ${text}`, () => assertEquals(printAge(ms), text));
}

for (
  const [bytes, text] of [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1.5 * 2 ** 30, "1.5 GiB"],
    [2 ** 52, "4096.0 TiB"],
  ] as const
) {
  Deno.test(`printBytes() prints ${bytes} as ${text}`, () => assertEquals(printBytes(bytes), text));
}
