import { assertEquals, assertThrows } from "@std/assert";
import { loadKubeconfig } from "../../lib/kubernetes/load_kubeconfig.ts";
import { UserError } from "../../lib/user_error.ts";

/** A kubeconfig with these lines in its cluster and its user. */
function load(cluster: string, user = "") {
  const text = `
current-context: it
contexts: [{name: it, context: {cluster: it, user: it}}]
clusters: [{name: it, cluster: {server: "https://192.0.2.1:6443", ${cluster}}}]
users: [{name: it, user: {${user}}}]
`;
  return loadKubeconfig({ file: "/etc/kubeconfig", text, pathPrefix: "" });
}

Deno.test("what stands in a kubeconfig itself goes before the file that it names, as for kubectl", () => {
  const both = load(
    `certificate-authority: ca.crt, certificate-authority-data: ${btoa("CA")}`,
    `client-certificate: a.crt, client-certificate-data: ${btoa("CERT")}, ` +
      `client-key: a.key, client-key-data: ${btoa("KEY")}`,
  );
  assertEquals([both.caFile, both.certFile, both.keyFile], [undefined, undefined, undefined]);
  assertEquals([both.caData, both.certData, both.keyData], ["CA", "CERT", "KEY"]);
  const files = load(
    "certificate-authority: ca.crt",
    "client-certificate: /a.crt, client-key: a.key",
  );
  assertEquals([files.caFile, files.certFile, files.keyFile], [
    "/etc/ca.crt",
    "/a.crt",
    "/etc/a.key",
  ]);
});

Deno.test("a value that is none in YAML is none here", () => {
  for (const none of ["~", "null", "Null", "NULL", '""']) {
    const { caFile, certFile, proxyUrl, headers } = load(
      `certificate-authority: ${none}, proxy-url: ${none}, insecure-skip-tls-verify: ${none}`,
      `client-certificate: ${none}, token: ${none}`,
    );
    assertEquals(
      [caFile, certFile, proxyUrl, headers],
      [undefined, undefined, undefined, {}],
      none,
    );
  }
});

Deno.test("a server is never trusted unseen, and what to do instead is said", () => {
  for (const yes of ["true", "True", "TRUE"]) {
    const error = assertThrows(() => load(`insecure-skip-tls-verify: ${yes}`), UserError);
    assertEquals(/insecure-skip-tls-verify.*certificate-authority/.test(error.message), true);
  }
  assertEquals(load("insecure-skip-tls-verify: false").server, "https://192.0.2.1:6443");
});
