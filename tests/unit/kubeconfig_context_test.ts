import { assertEquals, assertThrows } from "@std/assert";
import { kubeconfigContext } from "../../lib/kubernetes/kubeconfig_context.ts";
import { UserError } from "../../lib/user_error.ts";

/** As a kubelet writes it, with a second cluster and user beside. */
const KUBECONFIG = `
apiVersion: v1
kind: Config
clusters:
- cluster: {server: "https://192.0.2.9"}
  name: other
- name: default
  cluster:
    certificate-authority-data: MTIz
    server: https://192.0.2.1:6443
contexts:
- context: {cluster: default, user: default-auth}
  name: default-context
current-context: default-context
preferences: {}
users:
- name: other
  user: {token: no}
- name: default-auth
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    token: 0123
`;

Deno.test("the current context of a kubeconfig names cluster and user, and every value is text", () => {
  assertEquals(kubeconfigContext(KUBECONFIG, "file"), {
    cluster: { "certificate-authority-data": "MTIz", server: "https://192.0.2.1:6443" },
    user: {
      "client-certificate": "/var/lib/kubelet/pki/kubelet-client-current.pem",
      token: "0123",
    },
  });
});

Deno.test("a context without a user is one without a credential", () => {
  const text = KUBECONFIG.replace(", user: default-auth", "");
  assertEquals(kubeconfigContext(text, "file").user, {});
});

Deno.test("a kubeconfig that is none is refused by its file's name, without its text", () => {
  const table: [string, RegExp][] = [
    ["- a\n", /^file is no kubeconfig: it is no mapping/],
    ["a: [SECRET\nb: }", /^file is no kubeconfig: line \d: [^S]*; write it anew$/],
    [
      KUBECONFIG.replace("- name: default\n", "- nome: default\n"),
      /clusters\[1\]\.name is missing/,
    ],
    [KUBECONFIG.replace("current-context: default", "current-context: x"), /no current-context/],
    [KUBECONFIG.replace("cluster: default", "cluster: third"), /no current-context/],
  ];
  for (const [text, message] of table) {
    const error = assertThrows(() => kubeconfigContext(text, "file"), UserError);
    assertEquals(message.test(error.message), true, error.message);
  }
});
