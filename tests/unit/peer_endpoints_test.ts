import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { IpAddress } from "../../lib/ip/address.ts";
import {
  goesUnseen,
  haveMoved,
  parseEndpoints,
  printEndpoints,
} from "../../lib/wireguard/peer_endpoints.ts";
import * as arbitrary from "./arbitraries.ts";

const endpoints = fc.array(fc.tuple(fc.nat(255).map(arbitrary.keyOf), arbitrary.resolvedEndpoint))
  .map((list) => new Map(list));

Deno.test("parseEndpoints() reads what printEndpoints() prints", () => {
  fc.assert(fc.property(endpoints, (endpoints) => {
    assertEquals(parseEndpoints(printEndpoints(endpoints)), endpoints);
  }));
});

Deno.test("parseEndpoints() takes nothing that is damaged, and never throws", () => {
  const good = printEndpoints(
    new Map([[arbitrary.keyOf(1), { host: "192.0.2.1" as IpAddress, port: 7 }]]),
  );
  const table = [
    good.slice(0, -1),
    good.slice(0, -2) + " \n",
    good + "\n",
    good + good.slice(0, 20) + "\n",
    good.replace("192.0.2.1", "name.example"),
    good.replace(":7", ":0"),
    "garbage\n",
  ];
  for (const text of table) assertEquals(parseEndpoints(text), undefined, JSON.stringify(text));
  fc.assert(fc.property(fc.string(), (text) => {
    if (text !== "") assertEquals(parseEndpoints(text), undefined);
  }));
});

Deno.test("haveMoved() tells whether a peer that was known is elsewhere", () => {
  const device = (host: string | undefined) => ({
    name: "wg0",
    listenPort: 1,
    fwmark: 0,
    peers: new Map([[arbitrary.keyOf(1), {
      publicKey: arbitrary.keyOf(1),
      ...(host && { endpoint: { host: host as IpAddress, port: 7 } }),
      persistentKeepalive: 0,
      allowedIPs: [],
      lastHandshake: 0,
      rxBytes: 0,
      txBytes: 0,
    }]]),
  });
  assertEquals(haveMoved(device("192.0.2.1"), device("192.0.2.2")), true);
  assertEquals(haveMoved(device("192.0.2.1"), device("192.0.2.1")), false);
  assertEquals(haveMoved(device(undefined), device("192.0.2.1")), false);
  assertEquals(haveMoved(device("192.0.2.1"), device(undefined)), false);
  assertEquals(haveMoved(undefined, device("192.0.2.1")), false);
});

Deno.test("goesUnseen() tells whether a peer is to go of which it is not known where it is", () => {
  const [here, unseen] = [arbitrary.keyOf(1), arbitrary.keyOf(2)];
  const rest = { persistentKeepalive: 0, allowedIPs: [], lastHandshake: 0, rxBytes: 0, txBytes: 0 };
  const endpoint = { host: "192.0.2.1" as IpAddress, port: 7 };
  const device = {
    name: "wg0",
    listenPort: 1,
    fwmark: 0,
    peers: new Map([
      [here, { ...rest, publicKey: here, endpoint }],
      [unseen, { ...rest, publicKey: unseen }],
    ]),
  };
  const wanted = (...keys: (typeof here)[]) =>
    new Map(keys.map((publicKey) => [publicKey, { ...rest, publicKey }]));
  assertEquals(goesUnseen(device, wanted(here, unseen)), false);
  assertEquals(goesUnseen(device, wanted(unseen)), false);
  assertEquals(goesUnseen(device, wanted(here)), true);
  assertEquals([goesUnseen(undefined, wanted()), goesUnseen(device, undefined)], [false, false]);
});
