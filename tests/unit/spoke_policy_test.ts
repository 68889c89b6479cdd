import { assertEquals } from "@std/assert";
import { type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import { serversOf } from "../../lib/reconcile/spoke_policy.ts";

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
