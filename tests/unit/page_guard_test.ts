import { assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import { isLoopback, refuseStrangers } from "../../lib/page/page_guard.ts";

const HERE = "http://127.0.0.1:9587";

/** URL, whether it is bound to a loopback address, headers, and the answer; undefined: it may ask. */
const TABLE: readonly (readonly [string, boolean, Record<string, string>, number?])[] = [
  [`${HERE}/`, true, {}],
  ["http://localhost:8080/", true, {}],
  ["http://[::1]:9587/events", true, {}],
  ["http://10.0.0.7:9587/", true, {}],
  ["http://rebound.example:9587/", true, {}, 403],
  ["http://127.0.0.1.example:9587/events", true, {}, 403],
  ["http://localhost.example/", true, {}, 403],
  ["http://hub-1.internal:9587/", false, {}],
  [`${HERE}/events`, true, { origin: HERE, "sec-fetch-site": "same-origin" }],
  [`${HERE}/events`, true, { origin: "https://evil.example" }, 403],
  [`${HERE}/events`, true, { origin: "http://127.0.0.1:3000" }, 403],
  [`${HERE}/events`, true, { origin: "null" }, 403],
  [`${HERE}/events`, true, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, 403],
  [`${HERE}/events`, true, { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }, 403],
  [`${HERE}/events`, false, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" }, 403],
  [`${HERE}/`, true, { "sec-fetch-site": "none", "sec-fetch-mode": "navigate" }],
  [`${HERE}/`, true, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }],
];

Deno.test("the page answers those who ask for it by its address, and no other page", () => {
  for (const [url, isLocal, headers, status] of TABLE) {
    const answer = refuseStrangers(new Request(url, { headers }), isLocal);
    assertEquals(answer?.status, status, `${url} ${JSON.stringify(headers)}`);
  }
});

Deno.test("isLoopback() knows the addresses that only this machine reaches", () => {
  const local = ["127.0.0.1", "127.8.0.1", "::1", "0.0.0.0", "::", "10.0.0.1", "fe80::1"]
    .filter((address) => isLoopback(address as IpAddress));
  assertEquals(local, ["127.0.0.1", "127.8.0.1", "::1"]);
});
