import { assertEquals } from "@std/assert";
import { type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { needsNames, serversOf, sourceTowards } from "../../lib/spoke/spoke_policy.ts";

const NAMES: Readonly<Record<string, readonly string[]>> = {
  "api.example": ["192.0.2.1", "2001:db8::1"],
  "proxy.example": ["192.0.2.8"],
};

function addressesOf(host: string): readonly IpAddress[] {
  return (NAMES[host] ?? [host]).map((text) => parseAddress(text)!);
}

Deno.test("the API server and the proxies in front of it are what stays outside the tunnel", () => {
  const table: [string | undefined, string | undefined, Record<string, string>, string[]][] = [
    [undefined, "http://192.0.2.8", {}, []],
    ["https://192.0.2.1:6443", undefined, {}, ["192.0.2.1 6443"]],
    ["https://api.example", undefined, {}, ["192.0.2.1 443", "2001:db8::1 443"]],
    ["http://[2001:db8::1]", undefined, {}, ["2001:db8::1 80"]],
    [
      "https://192.0.2.1",
      "http://proxy.example:3128",
      { HTTPS_PROXY: "http://192.0.2.9" },
      ["192.0.2.8 3128", "192.0.2.1 443"],
    ],
    [
      "https://192.0.2.1",
      undefined,
      { HTTPS_PROXY: "192.0.2.9:3128", https_proxy: "192.0.2.9:3128", all_proxy: "" },
      ["192.0.2.9 3128", "192.0.2.1 443"],
    ],
    [
      "https://192.0.2.1",
      undefined,
      { ALL_PROXY: "socks5://192.0.2.9", http_proxy: "a b" },
      ["192.0.2.9 1080", "192.0.2.1 443"],
    ],
  ];
  for (const [baseUrl, proxyUrl, env, expected] of table) {
    const found = serversOf(
      { baseUrl, proxyUrl },
      { get: (name) => env[name] },
      addressesOf,
    );
    assertEquals(found.map(({ address, port }) => `${address} ${port}`), expected);
  }
});

Deno.test("names have to be resolved where one leads to the API server, or may lead there", () => {
  const table: [string | undefined, string | undefined, Record<string, string>, boolean][] = [
    [undefined, undefined, {}, true],
    ["https://192.0.2.1:6443", undefined, {}, false],
    ["https://[2001:db8::1]:6443", undefined, {}, false],
    ["https://api.example", undefined, {}, true],
    ["https://192.0.2.1", "http://proxy.example:3128", {}, true],
    ["https://192.0.2.1", "http://192.0.2.8:3128", { HTTPS_PROXY: "http://proxy.example" }, false],
    ["https://192.0.2.1", undefined, { https_proxy: "proxy.example:3128" }, true],
  ];
  for (const [baseUrl, proxyUrl, env, expected] of table) {
    const found = needsNames({ baseUrl, proxyUrl }, { get: (name) => env[name] });
    assertEquals(found, expected, JSON.stringify([baseUrl, proxyUrl, env]));
  }
  assertEquals(needsNames(undefined, { get: () => undefined }), true);
});

Deno.test("a machine without IPv6 speaks from its IPv4 address to a server that has both", () => {
  const servers = ["2001:db8::1", "192.0.2.1"].map((text) => ({
    address: parseAddress(text)!,
    port: 6443,
  }));
  const network = {
    routeTo: (address: IpAddress) =>
      address.includes(":") ? undefined : {
        destination: "0.0.0.0/0" as Cidr,
        preferredSource: "192.0.2.77" as IpAddress,
        table: 254,
        protocol: 2,
      },
  };
  assertEquals(sourceTowards(network, servers), "192.0.2.77" as IpAddress);
  assertEquals(sourceTowards(network, servers.slice(0, 1)), undefined);
  assertEquals(sourceTowards(network, []), undefined);
});
