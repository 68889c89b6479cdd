import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Cidr } from "../../lib/ip/cidr.ts";
import type { NetworkAccess } from "../../lib/netlink/network.ts";
import { OUR_PROTOCOL, wantedDestinations } from "../../lib/tunnel/plan_routes.ts";
import { Tunnel } from "../../lib/tunnel/tunnel.ts";
import type { WantedTunnel } from "../../lib/tunnel/wanted_tunnel.ts";
import { applyConfig } from "../../lib/wireguard/apply_config.ts";
import type { Device, DeviceConfig, WireGuardBackend } from "../../lib/wireguard/device.ts";
import { generatePrivateKey, publicKeyFromBytes } from "../../lib/wireguard/key.ts";
import type { WantedPeer } from "../../lib/wireguard/plan_device.ts";
import { type Route, ROUTE_TABLE } from "../../lib/netlink/routes.ts";
import type { IpAddress } from "../../lib/ip/address.ts";

const privateKey = await generatePrivateKey();
const ADDRESSES = [{ address: "100.96.0.1" as IpAddress, prefixLength: 12 }];
const NOW = 1_800_000_000_000;
/** More than those of whom all are looked at each time. */
const OTHERS = 100;

/** The peer of that number with those of the prefixes 10.250.N.0/24. */
function peer(number: number, prefixes: readonly number[], port = 1): WantedPeer {
  const bytes = new Uint8Array(32).fill(1);
  new DataView(bytes.buffer).setUint32(0, number);
  return {
    publicKey: publicKeyFromBytes(bytes),
    persistentKeepalive: 0,
    endpoint: { host: "192.0.2.1" as IpAddress, port },
    allowedIPs: [`100.97.${number >> 8}.${number & 255}/32`, ...prefixes.map(prefix)] as Cidr[],
  };
}

const prefix = (number: number) => `10.250.${number}.0/24`;
const others = Array.from({ length: OTHERS }, (_, number) => peer(number, []));

/** A kernel that does what it is told, and notes it. */
class Kernel {
  device: Device = { name: "wg0", listenPort: 0, fwmark: 0, peers: new Map() };
  readonly routes = new Set<Cidr>();
  told: DeviceConfig[] = [];
  dumps = 0;

  readonly backend: WireGuardBackend = {
    kind: "kernel",
    create: () => Promise.resolve(),
    read: () => {
      this.dumps++;
      return Promise.resolve({ ...this.device });
    },
    configure: (_name, config) => {
      this.told.push(config);
      this.device = applyConfig(this.device, config);
      return Promise.resolve();
    },
  };

  readonly network = {
    link: () => ({ index: 3, name: "wg0", mtu: 1420, isUp: true, kind: "wireguard" }),
    addresses: () => ADDRESSES.map((one) => ({ ...one, interfaceIndex: 3 })),
    routes: () =>
      [...this.routes].map((destination) => ({
        destination,
        table: ROUTE_TABLE.MAIN,
        protocol: OUR_PROTOCOL,
        interfaceIndex: 3,
      })),
    setLink: () => {},
    addAddress: () => {},
    removeAddress: () => {},
    addRoutes: (routes: readonly Route[]) => {
      for (const { destination } of routes) this.routes.add(destination);
      return [];
    },
    removeRoutes: (routes: readonly Route[]) => {
      for (const { destination } of routes) this.routes.delete(destination);
      return [];
    },
  } as unknown as NetworkAccess;
}

function wantedOf(peers: readonly WantedPeer[]): WantedTunnel {
  return {
    addresses: ADDRESSES,
    mtu: 1420,
    device: {
      privateKey,
      listenPort: 51820,
      fwmark: 0,
      peers: new Map(peers.map((one) => [one.publicKey, one])),
    },
  };
}

const simplified = (device: Device) =>
  new Map(
    [...device.peers].map((
      [key, { endpoint, allowedIPs }],
    ) => [key, { endpoint, allowedIPs: allowedIPs.toSorted() }]),
  );

/** Which of a few further peers has each of a few prefixes (0: nobody), and at which port each is. */
const shares = fc.tuple(
  fc.array(fc.nat(5), { minLength: 6, maxLength: 6 }),
  fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 5, maxLength: 5 }),
  fc.subarray([1, 2, 3, 4, 5]),
).map(([owners, ports, there]) =>
  there.map((number) => {
    const own = owners.flatMap((owner, at) => owner === number ? at : []);
    return peer(1000 + number, own, ports[number - 1]!);
  })
);

Deno.test("peer after peer that changes among many, the kernel has what is wanted", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(shares, { minLength: 1, maxLength: 12 }),
      fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      async (turns, readBacks) => {
        const kernel = new Kernel();
        const { network, backend } = kernel;
        const tunnel = new Tunnel({ network, backend, name: "wg0", now: () => NOW });
        let before = new Map<string, WantedPeer>();
        for (const [at, turn] of turns.entries()) {
          // A peer that says the same is the same object, as those of the hub are.
          const few = turn.map((one) => {
            const known = before.get(one.publicKey);
            return known && JSON.stringify(known) === JSON.stringify(one) ? known : one;
          });
          before = new Map(few.map((one) => [one.publicKey, one]));
          const wanted = wantedOf([...others, ...few]);
          await tunnel.reconcile(wanted, readBacks[at]! && at % 4 === 3);
          const expected = new Map(
            [...wanted.device.peers!.values()].map((
              { publicKey, endpoint, allowedIPs },
            ) => [publicKey, { endpoint, allowedIPs: allowedIPs.toSorted() }]),
          );
          assertEquals(simplified(kernel.device), expected);
          assertEquals(simplified(tunnel.device!), expected);
          const all = [...wanted.device.peers!.values()].flatMap(({ allowedIPs }) => allowedIPs);
          assertEquals(kernel.routes, new Set(wantedDestinations(all, ADDRESSES)));
        }
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("a peer among many that changes is planned without a look at the others", async () => {
  const kernel = new Kernel();
  const { network, backend } = kernel;
  const tunnel = new Tunnel({ network, backend, name: "wg0", now: () => NOW });
  let looks = 0;
  const watched = others.map((one) =>
    new Proxy(one, {
      get(target, name, receiver) {
        looks++;
        return Reflect.get(target, name, receiver) as unknown;
      },
    })
  );
  const wanted = (...few: WantedPeer[]) => {
    const tunnel = wantedOf(few);
    const peers = new Map([
      ...watched.map((one, at) => [others[at]!.publicKey, one] as const),
      ...tunnel.device.peers!,
    ]);
    return { ...tunnel, device: { ...tunnel.device, peers } };
  };
  await tunnel.reconcile(wanted(peer(1000, [1])), true);
  assert(looks > OTHERS, "the first time, all are looked at");
  looks = 0;
  kernel.told = [];
  kernel.dumps = 0;
  await tunnel.reconcile(wanted(peer(1000, [2])), false);
  assertEquals(looks, 0);
  assertEquals(kernel.dumps, 0);
  assertEquals(kernel.told.map(({ peers }) => peers.length), [2]);
  assertEquals(kernel.routes, new Set([prefix(2)]) as Set<string>);
});
