import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { generatePrivateKey, printPrivateKey } from "../../lib/wireguard/key.ts";
import type { WantedPeer } from "../../lib/wireguard/plan_device.ts";
import { parseQuickConfig, printQuickConfig } from "../../lib/wireguard/wg_quick.ts";
import * as arbitrary from "./arbitraries.ts";

const privateKey = await generatePrivateKey();

const peer: fc.Arbitrary<WantedPeer> = fc.record({
  publicKey: fc.integer({ min: 1, max: 255 }).map(arbitrary.keyOf),
  endpoint: arbitrary.resolvedEndpoint,
  persistentKeepalive: fc.nat(65535),
  allowedIPs: fc.array(arbitrary.cidr, { maxLength: 5 }),
}, { requiredKeys: ["publicKey", "persistentKeepalive", "allowedIPs"] }) as fc.Arbitrary<
  WantedPeer
>;

const config = fc.record({
  addresses: fc.array(arbitrary.interfaceAddress, { maxLength: 3 }),
  peers: fc.array(peer, { maxLength: 4 }),
});

Deno.test("reading back what was printed gives the same addresses and peers", () => {
  fc.assert(fc.property(config, (config) => {
    const text = printQuickConfig({ ...config, privateKey, listenPort: 51820, mtu: 1420 });
    assertEquals(parseQuickConfig(text), config);
  }));
});

Deno.test("printQuickConfig() prints nothing but known keys with parsed values", () => {
  const value = "[0-9A-Za-z+/=.:,\\[\\] ]*";
  const known =
    "PrivateKey|Address|ListenPort|MTU|PublicKey|AllowedIPs|Endpoint|PersistentKeepalive";
  const line = new RegExp(`^(|#.*|\\[Interface\\]|\\[Peer\\]|(${known}) = ${value})$`);
  fc.assert(fc.property(config, (config) => {
    const text = printQuickConfig({ ...config, privateKey, listenPort: 51820, mtu: 1420 });
    for (const one of text.split("\n")) assert(line.test(one), one);
    assertEquals(text.split("[Peer]").length - 1, config.peers.length);
  }));
});

Deno.test("printQuickConfig() by example", () => {
  const [address] = parseQuickConfig("[Interface]\nAddress = 100.96.0.2/32").addresses;
  const peers = parseQuickConfig(`
    [Peer]
    PublicKey = ${arbitrary.keyOf(7)}
    AllowedIPs = 100.96.0.0/12,172.16.0.0/16
    Endpoint = 192.0.2.1:51820
    PersistentKeepalive = 25
  `).peers;
  assertEquals(
    printQuickConfig({ addresses: [address!], peers, privateKey, listenPort: 51820, mtu: 1420 }),
    `# Written by wg-kube: the last configuration that worked.
[Interface]
PrivateKey = ${printPrivateKey(privateKey).trim()}
Address = 100.96.0.2/32
ListenPort = 51820
MTU = 1420

[Peer]
PublicKey = ${arbitrary.keyOf(7)}
AllowedIPs = 100.96.0.0/12, 172.16.0.0/16
Endpoint = 192.0.2.1:51820
PersistentKeepalive = 25
`,
  );
});

Deno.test("parseQuickConfig() reads what people write", () => {
  const text = [
    "[interface] ",
    "address=100.96.0.2/32, fd00::2/64 # two of them",
    "Address = 10.0.0.1",
    "PostUp = iptables -A FORWARD -i %i -j ACCEPT",
    "[PEER]",
    "# PublicKey = commented",
    `publickey=${arbitrary.keyOf(1)}`,
    "AllowedIPs = 10.1.2.3/8",
    "AllowedIPs = fd00::/64,, 10.0.0.300/8, 192.168.0.0/16",
    "Endpoint = hub.example.com:51820",
    "PersistentKeepalive = off",
    "[Peer]",
    "AllowedIPs = 10.9.0.0/16",
  ].join("\r\n");
  const parsed = parseQuickConfig(text);
  assertEquals(
    parsed.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    ["100.96.0.2/32", "fd00::2/64", "10.0.0.1/32"],
  );
  assertEquals(JSON.parse(JSON.stringify(parsed.peers)), [{
    publicKey: arbitrary.keyOf(1),
    persistentKeepalive: 0,
    allowedIPs: ["10.0.0.0/8", "fd00::/64", "192.168.0.0/16"],
  }]);
});

Deno.test("commands in a file never come out again", () => {
  const commands = [
    "PostUp",
    "PreUp",
    "PostDown",
    "PreDown",
    "SaveConfig",
    "Table",
    "DNS",
    "FwMark",
  ];
  const nasty = fc.oneof(
    fc.constantFrom(...commands).map((name) => `${name} = touch /owned`),
    fc.constantFrom("[Interface]", "[Peer]", `PublicKey = ${arbitrary.keyOf(1)}`, "[x]", "="),
    fc.tuple(
      fc.constantFrom("Address", "AllowedIPs", "Endpoint", "PublicKey", "PersistentKeepalive"),
      fc.oneof(arbitrary.strangersText, fc.constant("10.0.0.1/8\rPostUp = touch /owned")),
    ).map(([name, value]) => `${name} = ${value}`),
  );
  fc.assert(fc.property(fc.array(nasty), (lines) => {
    const parsed = parseQuickConfig(lines.join("\n"));
    const printed = printQuickConfig({ ...parsed, privateKey, listenPort: 1, mtu: 1420 });
    for (const name of [...commands, "owned"]) assertEquals(printed.includes(name), false, name);
    assertEquals(parseQuickConfig(printed), parsed);
  }));
});

Deno.test("parseQuickConfig() reads no keepalive that the kernel does not take", () => {
  const keepalive = (text: string) =>
    parseQuickConfig(`[Peer]\nPublicKey=${arbitrary.keyOf(1)}\nPersistentKeepalive=${text}`)
      .peers[0]?.persistentKeepalive;
  assertEquals(["0", "25", "65535"].map(keepalive), [0, 25, 65535]);
  assertEquals(["off", "-1", "65536", "2.5", "x", "Infinity"].map(keepalive), [0, 0, 0, 0, 0, 0]);
});
