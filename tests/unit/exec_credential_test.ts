import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  cleanedComplaint,
  parseExecCredential,
  printExecInfo,
  readExecSpec,
} from "../../lib/kubernetes/exec_credential.ts";
import { loadKubeconfig } from "../../lib/kubernetes/load_kubeconfig.ts";
import { messageOf, UserError } from "../../lib/user_error.ts";
import { propertyRuns } from "./property_runs.ts";

const V1 = "client.authentication.k8s.io/v1";
const BETA = "client.authentication.k8s.io/v1beta1";
const PLACE = { file: "/etc/kube/config", folder: "/etc/kube/" };

/** What a plugin of v1 prints. */
function printed(status: unknown, more: Record<string, unknown> = {}): string {
  return JSON.stringify({ kind: "ExecCredential", apiVersion: V1, status, ...more });
}

Deno.test("a plugin's command is looked up as kubectl looks it up", () => {
  const cases = [
    ["aws", "aws"],
    ["/usr/bin/aws", "/usr/bin/aws"],
    ["./aws", "/etc/kube/./aws"],
    ["bin/aws", "/etc/kube/bin/aws"],
  ] as const;
  for (const [command, path] of cases) {
    assertEquals(readExecSpec({ command, apiVersion: V1 }, {}, PLACE).command, path);
  }
});

Deno.test("what cannot be done with a plugin is said with the kubeconfig and the remedy", () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ apiVersion: V1 }, "has no command"],
    [{ command: "aws" }, `write ${V1} or ${BETA}`],
    [{ command: "aws", apiVersion: "client.authentication.k8s.io/v1alpha1" }, `write ${V1}`],
    [{ command: "aws", apiVersion: V1, interactiveMode: "Always" }, "at a terminal"],
    [{ command: "aws", apiVersion: V1, env: [{ value: "SECRET" }] }, "without a name"],
  ];
  for (const [exec, message] of cases) {
    const error = assertThrows(() => readExecSpec(exec, {}, PLACE), UserError, message);
    assert(error.message.includes(PLACE.file) && !error.message.includes("SECRET"), error.message);
  }
});

Deno.test("a plugin is told that nobody is asked, and of the cluster if it wants to know", () => {
  const cluster = {
    server: "https://192.0.2.1",
    "proxy-url": "http://192.0.2.2",
    "certificate-authority": "ca.crt",
    extensions: [
      { name: "other", extension: { no: "one" } },
      { name: "client.authentication.k8s.io/exec", extension: { audience: "x" } },
    ],
  };
  const info = (exec: Record<string, unknown>, ca?: string) =>
    JSON.parse(printExecInfo(readExecSpec({ command: "aws", ...exec }, cluster, PLACE), ca));
  for (const apiVersion of [V1, BETA]) {
    const told = { kind: "ExecCredential", apiVersion };
    assertEquals(info({ apiVersion }, "ca"), { ...told, spec: { interactive: false } });
    assertEquals(info({ apiVersion, provideClusterInfo: "true" }, "ca"), {
      ...told,
      spec: {
        interactive: false,
        cluster: {
          server: "https://192.0.2.1",
          "proxy-url": "http://192.0.2.2",
          "certificate-authority-data": "Y2E=",
          config: { audience: "x" },
        },
      },
    });
  }
  const bare = info({ apiVersion: V1, provideClusterInfo: "true" });
  assertEquals(bare.spec.cluster["certificate-authority-data"], undefined);
});

Deno.test("an answer is a token, or a certificate with its key, and when it expires", () => {
  const parsed = (status: unknown) => parseExecCredential(printed(status), V1);
  assertEquals(parsed({ token: "t" }), { token: "t" });
  assertEquals(
    parsed({ clientCertificateData: "c", clientKeyData: "k", token: "", more: 1 }),
    { cert: "c", key: "k" },
  );
  const expiresAt = Date.UTC(2026, 10, 25, 12);
  for (const time of ["2026-11-25T12:00:00Z", "2026-11-25T14:00:00.000+02:00"]) {
    assertEquals(parsed({ token: "t", expirationTimestamp: time }), { token: "t", expiresAt });
  }
});

Deno.test("an answer that is no credential is said without a piece of it", () => {
  const secret = "SECRET";
  const cases: [string, string][] = [
    ["", "printed nothing"],
    [secret, "no JSON"],
    [`{"status":{"token":"${secret}"`, "no JSON"],
    [`"${secret}"`, "no ExecCredential"],
    ["null", "no ExecCredential"],
    [printed({ token: secret }, { apiVersion: BETA }), "no ExecCredential"],
    [printed({ token: secret }, { kind: secret }), "no ExecCredential"],
    [printed(undefined), "neither"],
    [printed({}), "neither"],
    [printed({ token: [secret] }), "status.token of what it printed is no text"],
    [printed({ token: `${secret}\nX: y` }), "no token"],
    [printed({ token: `${secret} ` }), "no token"],
    [printed({ token: `${secret}é` }), "no token"],
    [printed({ clientCertificateData: secret }), "without the other"],
    [printed({ token: secret, clientKeyData: secret }), "without the other"],
    [printed({ token: "t", expirationTimestamp: secret }), "no time"],
    [printed({ token: "t", expirationTimestamp: "2026-13-99T00:00:00Z" }), "no time"],
  ];
  for (const [text, message] of cases) {
    const error = assertThrows(() => parseExecCredential(text, V1), Error, message);
    assert(!error.message.includes(secret), error.message);
  }
});

Deno.test("property: whatever a plugin prints, the complaint is one of ours, and so is a token", () => {
  const ours = new Set<string>();
  const answer = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.record({
      token: fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue()),
      clientCertificateData: fc.option(fc.string(), { nil: undefined }),
      clientKeyData: fc.option(fc.string(), { nil: undefined }),
      expirationTimestamp: fc.option(fc.string(), { nil: undefined }),
    }).map((status) => printed(status)),
  );
  fc.assert(
    fc.property(answer, (text) => {
      try {
        const { token, cert } = parseExecCredential(text, V1);
        new Headers({ authorization: `Bearer ${token ?? ""}` });
        assert(token !== undefined || cert !== undefined);
      } catch (error) {
        ours.add(messageOf(error));
      }
    }),
    { numRuns: propertyRuns(500) },
  );
  assert(ours.size < 15, [...ours].join("\n")); // each is a constant: none repeats what was printed
});

Deno.test("of a plugin's complaint the first line is shown, without what may be a secret", () => {
  const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
  const cases: [string, string][] = [
    ["", ""],
    ["\n\r\n", ""],
    ["no session: log in\nmore", "no session: log in"],
    [`token ${jwt} refused`, "token … refused"],
    [`{"token":"${jwt}"}`, `{"token":"…"}`],
    [`token=${jwt}`, "token=…"],
    ["password hunter2hunter2!", "password …"],
    ["the key is pa$$", "the key is …"],
    ["red\x1b[31mtext\x07\u202e", "red [31mtext"],
    ["a ".repeat(300), "a ".repeat(100)],
  ];
  for (const [stderr, shown] of cases) {
    assertEquals(cleanedComplaint(stderr, { PASSWORD: "pa$$", SHORT: "is" }), shown);
  }
});

Deno.test("an auth-provider is refused, with what to name instead", () => {
  const text = JSON.stringify({
    "current-context": "x",
    clusters: [{ name: "c", cluster: { server: "https://192.0.2.1" } }],
    users: [{ name: "u", user: { "auth-provider": { name: "gcp" } } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
  });
  assertThrows(
    () => loadKubeconfig({ file: "config", text, pathPrefix: "" }),
    UserError,
    "config names an auth-provider",
  );
});
