import { assertEquals, assertThrows } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { UserError } from "../../lib/user_error.ts";

Deno.test("annotationKeys() puts the prefix before each name", () => {
  assertEquals(annotationKeys("wireguard.kube/"), {
    prefix: "wireguard.kube/",
    hub: "wireguard.kube/hub",
    peer: "wireguard.kube/peer",
    member: "wireguard.kube/member",
    site: "wireguard.kube/site",
    publicKey: "wireguard.kube/public-key",
    endpoint: "wireguard.kube/endpoint",
    allowedIPs: "wireguard.kube/allowed-ips",
    vpcIP: "wireguard.kube/vpc-ip",
  });
  assertEquals(
    annotationKeys("stretch.azure.com/wireguard-").allowedIPs,
    "stretch.azure.com/wireguard-allowed-ips",
  );
});

Deno.test("annotationKeys() takes every prefix that makes legal keys", () => {
  const domain = `${"a".repeat(63)}.${"b.".repeat(90)}c`;
  for (
    const prefix of ["", "wg-", "a/", "1.2/x_", "x.y/A.b-", `${domain}/`, `a/${"n".repeat(52)}`]
  ) {
    assertEquals(annotationKeys(prefix).prefix, prefix);
  }
});

Deno.test("annotationKeys() refuses every other prefix, and names it on one line", () => {
  const bad = [
    ...[
      "/",
      "-",
      "-a/",
      "a-/",
      "A/",
      "a b/",
      "a/b/",
      "a//",
      "a/-",
      ".a/",
      "a..b/",
      "a/\n",
      "\n",
      "é/",
    ],
    ...[`a/${"n".repeat(53)}`, `${"a".repeat(254)}/`, "a/_", "a/ ", "a_b/", 'a"b/'],
  ];
  for (const prefix of bad) {
    const error = assertThrows(() => annotationKeys(prefix), UserError, "--annotation-prefix");
    assertEquals((error as UserError).message.includes("\n"), false);
  }
});
