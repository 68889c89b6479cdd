import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HUB, HUB_OPTIONS } from "../../lib/options/hub_options.ts";
import type { Option } from "../../lib/options/option.ts";
import { type Environment, parseOptions } from "../../lib/options/parse_options.ts";
import { SPOKE, SPOKE_OPTIONS } from "../../lib/options/spoke_options.ts";
import { UserError } from "../../lib/user_error.ts";

const EMPTY: Environment = new Map<string, string>();
const hub = (...args: string[]) => parseOptions(HUB_OPTIONS, ["--node-name=n1", ...args], EMPTY);

Deno.test("parseOptions() gives the hub's defaults in their types", () => {
  assertEquals(hub() as Record<string, unknown>, {
    annotationPrefix: "wireguard.kube/",
    listenPort: 51820,
    address: [{ address: "100.96.0.1", prefixLength: 32 }],
    allowedIPs: undefined,
    nodeName: "n1",
    interface: "wg0",
    privateKeyFile: undefined,
    endpoint: undefined,
    kubeconfig: undefined,
    podCidrs: undefined,
    peerCidrs: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"],
    claimHold: 600,
    stateDir: "/var/lib/wg-kube",
    adopt: false,
    mtu: undefined,
    resyncInterval: 60,
    nodeCondition: false,
    healthAddress: { hostname: "127.0.0.1", port: 9587 },
    metricsAddress: { hostname: "127.0.0.1", port: 9588 },
    logFormat: "text",
    logLevel: "info",
    output: "table",
    watch: false,
  });
});

Deno.test("parseOptions() gives the spoke's defaults in their types", () => {
  assertEquals(parseOptions(SPOKE_OPTIONS, [], EMPTY) as Record<string, unknown>, {
    kubeconfig: undefined,
    nodeName: undefined,
    interface: "wg0",
    address: [{ address: "100.96.0.2", prefixLength: 32 }],
    listenPort: 51820,
    allowedIPs: undefined,
    hubAllowedIPs: undefined,
    annotationPrefix: "wireguard.kube/",
    pollInterval: 10,
    daemonize: false,
    once: false,
    onceLimit: 120,
    logFile: "/var/log/wg-spoke.log",
    site: undefined,
    vpcIP: undefined,
    member: false,
    tunnelCidrs: undefined,
    persistentKeepalive: 25,
    mtu: undefined,
    privateKeyFile: "/etc/wireguard/private.key",
    endpoint: undefined,
    hubPublicKey: undefined,
    adopt: false,
    healthAddress: "off",
    metricsAddress: "off",
    logFormat: "text",
    logLevel: "info",
    output: "table",
    watch: false,
  });
});

Deno.test("parseOptions() takes flags over variables over defaults", () => {
  const variables = new Map([["WG_LISTEN_PORT", "1000"], ["WG_INTERFACE", ""], [
    "WG_ADOPT",
    "true",
  ]]);
  const read = (...args: string[]) =>
    parseOptions(HUB_OPTIONS, ["--node-name=n1", ...args], variables);
  assertEquals(read().listenPort, 1000);
  assertEquals(read("--listen-port=2000").listenPort, 2000);
  assertEquals(read("--listen-port", "2000").listenPort, 2000);
  assertEquals(read().interface, "wg0", "an empty variable counts as unset");
  assertEquals(read().adopt, true);
  assertEquals(read("--no-adopt").adopt, false);
  assertEquals(read("--adopt=false").adopt, false);
});

Deno.test("parseOptions() takes a command's own flags with that command, and its variables always", () => {
  const parse = (args: string[], command?: string, variables = EMPTY) =>
    parseOptions(HUB_OPTIONS, ["--node-name=n1", ...args], variables, command);
  assertEquals(parse(["--watch", "--output=json"], "status").output, "json");
  assertEquals(parse(["--output=json"], "doctor").output, "json");
  assertThrows(() => parse(["--watch"], "doctor"), UserError, "--watch belongs to status");
  assertThrows(() => parse(["--watch"], "down"), UserError, "--watch belongs to status");
  assertEquals(parse([], undefined, new Map([["WG_OUTPUT", "json"]])).output, "json");
});

Deno.test("parseOptions() reads each way of writing a flag", () => {
  assertEquals(hub("--adopt").adopt, true);
  assertEquals(hub("--adopt=true").adopt, true);
  assertEquals(hub("--no-adopt").adopt, false);
  assertEquals(hub("--adopt", "--mtu", "1400").mtu, 1400);
  assertEquals(hub("--private-key-file=-odd").privateKeyFile, "-odd");
  assertEquals(hub("--private-key-file=a=b").privateKeyFile, "a=b");
  assertEquals(hub("--health-address=off").healthAddress, "off");
  assertEquals(hub("--health-address=[::1]:80").healthAddress as unknown, {
    hostname: "::1",
    port: 80,
  });
  assertEquals(hub("--endpoint=[2001:DB8::1]:51820").endpoint, {
    host: "2001:db8::1",
    port: 51820,
  });
  assertEquals(hub("--address=100.96.0.1/32, fd00::1/128").address as unknown, [
    { address: "100.96.0.1", prefixLength: 32 },
    { address: "fd00::1", prefixLength: 128 },
  ]);
  assertEquals(hub("--allowed-ips=10.1.2.3/8,fd00::1").allowedIPs as unknown, [
    "10.0.0.0/8",
    "fd00::1/128",
  ]);
});

const faults: [args: string[], variables: Record<string, string>, message: string][] = [
  [
    ["--listen-port=0"],
    {},
    '--listen-port: "0" is not a port: give a whole number from 1 to 65535',
  ],
  [["--listen-port=65536"], {}, '--listen-port: "65536" is not a port'],
  [["--listen-port=0x10"], {}, '--listen-port: "0x10" is not a port'],
  [[], { WG_LISTEN_PORT: "-1" }, 'WG_LISTEN_PORT: "-1" is not a port'],
  [[], { WG_MTU: "99" }, 'WG_MTU: "99" is not an MTU in bytes: give a whole number from 576'],
  [["--resync-interval=0"], {}, '--resync-interval: "0" is not a time in seconds'],
  [["--adopt=yes"], {}, '--adopt: "yes" is not true or false'],
  [["--address=10.0.0.1/33"], {}, '--address: "10.0.0.1/33" is not a list of addresses: give'],
  [["--address=10.0.0.1/32,"], {}, '--address: "10.0.0.1/32," is not a list of addresses'],
  [[], { WG_ALLOWED_IPS: "all" }, 'WG_ALLOWED_IPS: "all" is not a list of networks: give them as'],
  [
    ["--endpoint=1.2.3.4"],
    {},
    '--endpoint: "1.2.3.4" is not an endpoint: give it as 192.0.2.1:51820',
  ],
  [["--interface=a-name-too-long-x"], {}, "is not an interface name: give 1 to 15"],
  [["--interface=a/b"], {}, "is not an interface name"],
  [["--interface=a b"], {}, "is not an interface name"],
  [["--interface=.."], {}, "is not an interface name"],
  [["--kubeconfig=a\nb"], {}, '--kubeconfig: "a\\nb" is not a path'],
  [["--annotation-prefix=a b/"], {}, '--annotation-prefix: "a b/" is not a prefix of label keys'],
  [[], { ANNOTATION_PREFIX: "/" }, 'ANNOTATION_PREFIX: "/" is not a prefix of label keys'],
  [["--health-address=localhost:80"], {}, "is not an address to listen on"],
  [["--health-address=::1:80"], {}, "is not an address to listen on"],
  [["--log-level=loud"], {}, "give debug, info, warning, error"],
  [["--log-format=xml"], {}, "give text, json"],
  [["--watch"], {}, "--watch belongs to status: put that word before all flags"],
  [["--output=json"], {}, "--output belongs to status"],
  [[], { WG_OUTPUT: "yaml" }, 'WG_OUTPUT: "yaml" is not one of the known words'],
  [["--listen-prot=1"], {}, 'unknown flag "--listen-prot": did you mean --listen-port?'],
  [["--WG_MTU=1400"], {}, 'unknown flag "--WG_MTU": did you mean --mtu?'],
  [["--no-listen-port"], {}, 'unknown flag "--no-listen-port": did you mean --listen-port?'],
  [["--frobnicate=secret"], {}, 'unknown flag "--frobnicate": see --help'],
  [["-i"], {}, 'unknown flag "-i"'],
  [["--no-adopt=true"], {}, '"--no-adopt=true" is no flag: --no-… takes no value'],
  [["--no-listen-port=1"], {}, '"--no-listen-port=1" is no flag'],
  [["wg0"], {}, 'unexpected argument "wg0": values belong to a flag'],
  [["--adopt", "false"], {}, 'unexpected argument "false"'],
  [["--", "--mtu=1400"], {}, 'unexpected argument "--mtu=1400"'],
  [["--mtu"], {}, "--mtu needs a value: write --mtu=VALUE"],
  [["--mtu="], {}, "--mtu needs a value"],
  [["--mtu", "--adopt"], {}, "--mtu needs a value"],
  [["--mtu=1400", "--mtu=1400"], {}, "--mtu is given 2 times: give it once"],
  [["--adopt", "--no-adopt"], {}, "--adopt is given 2 times"],
  [["--__proto__=1"], {}, 'unknown flag "--__proto__"'],
];

for (const [args, variables, message] of faults) {
  const given = [...args, ...Object.entries(variables).map((pair) => pair.join("="))].join(" ");
  Deno.test(`parseOptions() refuses ${JSON.stringify(given)} and names the culprit`, () => {
    assertThrows(
      () =>
        parseOptions(
          HUB_OPTIONS,
          ["--node-name=n1", ...args],
          new Map(Object.entries(variables)),
        ),
      UserError,
      message,
    );
  });
}

Deno.test("parseOptions() says how to give a required option", () => {
  assertThrows(
    () => parseOptions(HUB_OPTIONS, [], EMPTY),
    UserError,
    "--node-name (or NODE_NAME) is required: set it from spec.nodeName by the downward API",
  );
});

Deno.test("parseOptions() cuts and escapes what it quotes", () => {
  const error = assertThrows(() => hub(`--mtu=${"\n".repeat(500)}`), UserError);
  assert(error.message.length < 300 && !error.message.includes("\n"));
});

Deno.test("parseOptions() never throws anything but a UserError, whatever it is given", () => {
  const names = Object.values<Option>(HUB_OPTIONS).map(({ flag }) => flag);
  const argument = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(...names).map((name) => `--${name}`),
    fc.tuple(fc.constantFrom(...names), fc.string({ unit: "binary" }))
      .map(([name, text]) => `--${name}=${text}`),
  );
  fc.assert(fc.property(fc.array(argument, { maxLength: 6 }), (args) => {
    try {
      parseOptions(HUB_OPTIONS, args, EMPTY);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      assert(!/[\r\n]/.test(error.message));
    }
  }));
});

Deno.test("parseOptions() reads a flag and its variable alike", () => {
  for (const { options } of [HUB, SPOKE]) {
    fc.assert(fc.property(
      fc.constantFrom(...Object.entries<Option>(options)),
      fc.oneof(fc.stringMatching(/^[0-9a-z.:/,-]{1,20}$/), fc.constantFrom("true", "off", "1400")),
      ([name, { flag, variable, commands }], text) => {
        const read = (args: string[], variables: [string, string][]): unknown => {
          try {
            const all = new Map([["NODE_NAME", "n1"], ...variables] as [string, string][]);
            const table: Readonly<Record<string, Option>> = options;
            return parseOptions(table, args, all, commands?.[0])[name];
          } catch (error) {
            return error instanceof UserError ? "refused" : error;
          }
        };
        assertEquals(read([`--${flag}=${text}`], []), read([], [[variable, text]]));
      },
    ));
  }
});

for (const { name, options } of [HUB, SPOKE]) {
  Deno.test(`The ${name}'s options have flags and variables of their own`, () => {
    const all = Object.values<Option>(options);
    assertEquals(new Set(all.map(({ flag }) => flag)).size, all.length);
    assertEquals(new Set(all.map(({ variable }) => variable)).size, all.length);
    for (const { flag, variable } of all) {
      assertEquals(flag.replaceAll("-", "_").toUpperCase(), variable.replace(/^WG_/, ""));
    }
  });
}
