/**
 * The original's spoke writes what the hub's Node says into a file whose lines are commands, and so
 * runs as root whatever stands behind a newline in an annotation. Here the same is tried with ours.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { isResolved } from "../../lib/ip/endpoint.ts";
import { HubFollower } from "../../lib/spoke/hub_follower.ts";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import { printQuickConfig } from "../../lib/wireguard/wg_quick.ts";
import * as arbitrary from "./arbitraries.ts";

const keys = annotationKeys("wireguard.kube/");
const privateKey = await generatePrivateKey();
const GOOD = {
  [keys.publicKey]: arbitrary.keyOf(7) as string,
  [keys.endpoint]: "203.0.113.1:51820",
  [keys.allowedIPs]: "100.96.0.0/12,172.16.0.0/16",
};
const FIELDS = Object.keys(GOOD);

/** What the spoke keeps on its disk of a hub's Node; undefined if it does not take it for a hub. */
function writtenOf(annotations: Readonly<Record<string, string>>): string | undefined {
  const node: NodeView = {
    name: "hub-1",
    uid: "1",
    createdAt: 0,
    labels: { [keys.hub]: "true" },
    annotations,
  };
  const options = { hubPublicKey: undefined, hubAllowedIPs: undefined, persistentKeepalive: 25 };
  const follower = new HubFollower({
    options,
    keys,
    ownKey: privateKey.publicKey,
    names: {
      resolve: (endpoint) => isResolved(endpoint) ? endpoint : undefined,
      rotate: () => {},
    },
    says: { matter: () => {}, refusals: () => {} },
  });
  const facts = { addresses: [], gateways: [], otherRoutes: [], resolvers: [] };
  const peers = follower.peers([node], facts, undefined, 0);
  if (!peers) return undefined;
  const config = { addresses: [], peers: [...peers.values()] };
  return printQuickConfig({ ...config, privateKey, listenPort: 51820, mtu: 1420 });
}

/** The lines of the file by their first words: what wg-quick(8) would take for a setting. */
const settings = (text: string) =>
  text.split(/[\n\r\u0085\u2028\u2029]/).map((line) => line.split(/[ =]/)[0]!);

const BREAKS = [
  "\n",
  "\r",
  "\r\n",
  "\\n",
  "\u0085",
  "\u2028",
  "\u2029",
  "\v",
  "\f",
  "\0",
  ";",
  " #",
];
const COMMANDS = ["PostUp = touch /root", "[Interface]", "PreDown=sh", "Table = off", "[Peer]"];

Deno.test("no annotation adds a line to the file, in whichever field and behind whatever break", () => {
  const plain = settings(writtenOf(GOOD)!);
  let taken = 0;
  for (const field of FIELDS) {
    for (const between of BREAKS) {
      for (const command of COMMANDS) {
        for (const value of [GOOD[field] + between + command, command + between + GOOD[field]]) {
          const text = writtenOf({ ...GOOD, [field]: value });
          if (text === undefined) continue; // it is no hub then, and the last one stays
          taken++;
          assertEquals(settings(text).filter((word) => !plain.includes(word)), [], value);
          assertEquals(text.split("[Peer]").length, 2, value);
          assert(!COMMANDS.slice(0, 1).some((one) => text.includes(one)), value);
        }
      }
    }
  }
  assert(taken > 0, "prefixes that cannot be read leave the rest in force");
});

Deno.test("whatever the three annotations are, the file has the lines that it always has", () => {
  const known = /^(#.*|\[Interface\]|\[Peer\]|\w+ = [\w+/=.:,[\] ]*|)$/;
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...Object.values(GOOD)));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 3 }), fc.constantFrom(...FIELDS), (pieces, at) => {
      const written = writtenOf({ ...GOOD, [at]: pieces.join("\n") });
      for (const line of written?.split("\n") ?? []) assert(known.test(line), line);
    }),
  );
});
