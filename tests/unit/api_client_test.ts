import { assertEquals } from "@std/assert";
import { ApiClient } from "../../lib/kubernetes/api_client.ts";

Deno.test("an API client tells the host of its server, whatever the URL has for it", async () => {
  const table: [baseUrl: string | undefined, host: string | undefined][] = [
    ["https://api.example:6443/clusters/one", "api.example"],
    ["https://192.0.2.1", "192.0.2.1"],
    ["http://[fd00::1]:8080", "fd00::1"],
    [undefined, undefined],
  ];
  for (const [baseUrl, host] of table) {
    await using api = new ApiClient({
      baseUrl,
      proxyUrl: undefined,
      lease: () => Promise.reject(new Error("nothing is asked")),
      expire: () => {},
      replaceClient: () => {},
      [Symbol.dispose]: () => {},
    });
    assertEquals(api.host, host);
  }
});
