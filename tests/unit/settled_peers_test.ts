import { assertEquals } from "@std/assert";
import type { ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import { parseEndpoint } from "../../lib/ip/endpoint.ts";
import type { Device, Peer } from "../../lib/wireguard/device.ts";
import { planDevice, type WantedPeers } from "../../lib/wireguard/plan_device.ts";
import { settledPeers } from "../../lib/wireguard/settled_peers.ts";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import * as arbitrary from "./arbitraries.ts";

const KEY = arbitrary.keyOf(1);
const ADOPTED = 1_000_000;
const at = (text: string) => parseEndpoint(text) as ResolvedEndpoint;
const HOME = at("192.0.2.1:51820");
const MOVED = at("192.0.2.2:51820");
const ROAMED = at("198.51.100.7:4000");
const privateKey = await generatePrivateKey();

function wanted(endpoint?: ResolvedEndpoint): WantedPeers {
  const peer = { publicKey: KEY, persistentKeepalive: 0, allowedIPs: [] };
  return new Map([[KEY, { ...peer, ...(endpoint && { endpoint }) }]]);
}

function device(endpoint: ResolvedEndpoint, lastHandshake: number): Device {
  const peer: Peer = {
    publicKey: KEY,
    endpoint,
    persistentKeepalive: 0,
    allowedIPs: [],
    lastHandshake,
    rxBytes: 0,
    txBytes: 0,
  };
  return { name: "wg0", privateKey, listenPort: 1, fwmark: 0, peers: new Map([[KEY, peer]]) };
}

/** The endpoint that a plan writes. */
function written(peers: WantedPeers, found: Device, settled: WantedPeers, now: number) {
  const device = { privateKey, listenPort: 1, fwmark: 0, peers };
  return planDevice(device, found, settled, now)?.peers[0]?.endpoint;
}

Deno.test("an endpoint whose name resolves late does not take the place of one learned from a live peer", () => {
  const found = device(ROAMED, ADOPTED - 10_000);
  const settled = settledPeers(wanted(), found, undefined, ADOPTED);
  assertEquals(written(wanted(HOME), found, settled, ADOPTED + 1000), undefined);
});

Deno.test("an endpoint that changed while the program was down is written once the session is dead", () => {
  const found = device(HOME, ADOPTED - 10_000);
  const settled = settledPeers(wanted(MOVED), found, undefined, ADOPTED);
  assertEquals(written(wanted(MOVED), found, settled, ADOPTED + 60_000), undefined, "alive yet");
  assertEquals(written(wanted(MOVED), found, settled, ADOPTED + 180_000), MOVED);
});

Deno.test("a peer that has shaken hands since is settled where it is, until its Node says another thing", () => {
  const found = device(ROAMED, ADOPTED + 5000);
  const settled = settledPeers(wanted(HOME), found, undefined, ADOPTED);
  assertEquals(written(wanted(HOME), found, settled, ADOPTED + 900_000), undefined);
  assertEquals(written(wanted(MOVED), found, settled, ADOPTED + 6000), MOVED);
});

Deno.test("an endpoint that was written stays settled while the peer roams", () => {
  const first = settledPeers(wanted(HOME), device(HOME, 0), undefined, ADOPTED);
  const later = settledPeers(wanted(HOME), device(ROAMED, ADOPTED - 1), first, ADOPTED);
  assertEquals(
    written(wanted(HOME), device(ROAMED, ADOPTED - 1), later, ADOPTED + 900_000),
    undefined,
  );
});
