import { assertEquals } from "@std/assert";
import { parseResolvers, readResolvers } from "../../lib/reconcile/resolvers.ts";

Deno.test("parseResolvers() reads the nameserver lines of a resolv.conf", () => {
  const text = [
    "# nameserver 1.1.1.1",
    "nameserver 127.0.0.53",
    "nameserver\t2620:FE::9  # a remark",
    "nameserver fe80::1%eth0",
    "nameserver ::ffff:9.9.9.9",
    "nameserver",
    "nameserver dns.example",
    "search example.com",
    "options nameserver 8.8.8.8",
  ].join("\n");
  assertEquals(parseResolvers(text) as string[], [
    "127.0.0.53",
    "2620:fe::9",
    "fe80::1",
    "9.9.9.9",
  ]);
});

Deno.test("a machine without such a file has no name servers", async () => {
  assertEquals(await readResolvers(["/nowhere/resolv.conf"]), []);
});
