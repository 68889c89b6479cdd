import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { CredentialsNotReady, openCredentials } from "../../lib/kubernetes/credentials.ts";
import { UserError } from "../../lib/user_error.ts";
import { TEST_AUTHORITY } from "./test_authority.ts";
import { type KubeconfigFields, temporaryKubeconfig } from "./temporary_kubeconfig.ts";

const SERVER = "http://127.0.0.1:6443";
const TLS = "https://127.0.0.1:6443";

/** What a credential plugin prints. */
const ANSWER = {
  kind: "ExecCredential",
  apiVersion: "client.authentication.k8s.io/v1",
  status: { token: "from-plugin" },
};

/** The headers of a lease of that kubeconfig. */
async function headersOf(path: string): Promise<Readonly<Record<string, string>>> {
  using credentials = await openCredentials({ kubeconfig: path });
  using lease = await credentials.lease();
  return lease.headers;
}

Deno.test("a kubeconfig gives the server and the way to authenticate", async () => {
  const users: [KubeconfigFields["user"], Record<string, string>][] = [
    [{}, {}],
    [{ token: "t" }, { authorization: "Bearer t" }],
    [{ username: "u", password: "pä" }, { authorization: "Basic dTpww6Q=" }],
    [{ tokenFile: "token" }, { authorization: "Bearer from-file" }],
    [{ as: "somebody", token: "t" }, { authorization: "Bearer t", "impersonate-user": "somebody" }],
    [{
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        command: "/bin/sh",
        args: ["-c", `echo '${JSON.stringify(ANSWER)}'`],
      },
    }, { authorization: "Bearer from-plugin" }],
  ];
  for (const [user, headers] of users) {
    await using made = await temporaryKubeconfig({
      cluster: { server: `${TLS}/` },
      user: user!,
    });
    await made.write("token", "from-file\n");
    using credentials = await openCredentials({ kubeconfig: made.path });
    using lease = await credentials.lease();
    assertEquals(lease.baseUrl, TLS);
    assertEquals({ ...lease.headers }, headers);
  }
});

Deno.test("what is not there yet can be told from what is wrong", async () => {
  const absent = { server: TLS, "certificate-authority": "absent" };
  const cases: [string, KubeconfigFields | string | undefined, string][] = [
    ["no kubeconfig", undefined, "/kubeconfig does not exist"],
    ["an empty kubeconfig", " \n", "/kubeconfig is empty"],
    ["no authority", { cluster: absent }, "/absent (named by "],
    ["no certificate", {
      cluster: { server: TLS },
      user: { "client-certificate": "absent.pem", "client-key": "absent.pem" },
    }, "/absent.pem (named by "],
    ["no token", { cluster: { server: TLS }, user: { tokenFile: "absent" } }, "/absent (named by "],
  ];
  for (const [what, kubeconfig, message] of cases) {
    await using made = await temporaryKubeconfig(kubeconfig);
    const attempt = () => openCredentials({ kubeconfig: made.path });
    const error = await assertRejects(attempt, CredentialsNotReady, message, what);
    assert(error instanceof UserError);
  }
});

Deno.test("what is wrong is said with the file, and never with a secret", async () => {
  const cluster = { server: TLS };
  const pem = btoa("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  const cases: [string, KubeconfigFields | string, string][] = [
    ["no YAML", "users: [{name: u, user: {token: SECRET\n - :", "no kubeconfig: line "],
    ["no mapping", "SECRET", "no mapping"],
    ["null", "null", "no mapping"],
    ["no cluster name", "clusters: [{cluster: {server: x}}]", "clusters[0].name is missing"],
    ["no context", "current-context: y", "no current-context"],
    ["no URL", { cluster: { server: "nowhere" } }, 'names "nowhere" as server'],
    ["unverified", { cluster: { ...cluster, "insecure-skip-tls-verify": true } }, "insecure-skip"],
    ["another name", { cluster: { ...cluster, "tls-server-name": "x" } }, "tls-server-name"],
    ["no base64", { cluster, user: { "client-key-data": "SECRET!" } }, "client-key-data"],
    ["a CA of text", {
      cluster: { ...cluster, "certificate-authority-data": btoa("SECRET") },
    }, "certificate authority"],
    [
      "a certificate alone",
      { cluster, user: { "client-certificate-data": pem } },
      "without the other",
    ],
    ["a key of text", {
      cluster,
      user: { "client-certificate-data": pem, "client-key-data": btoa("SECRET") },
    }, "client key"],
    ["a broken certificate", {
      cluster,
      user: {
        "client-certificate-data": pem,
        "client-key-data": btoa("-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n"),
      },
    }, "cannot be used"],
    ["a plugin that fails", {
      cluster,
      user: { exec: { command: "/bin/false", apiVersion: "client.authentication.k8s.io/v1" } },
    }, "credential plugin"],
    ["a token of two lines", { cluster, user: { token: "a\nSECRET" } }, "no header has"],
    ["a folder for a file", { cluster, user: { tokenFile: "." } }, "cannot be read"],
  ];
  for (const [what, kubeconfig, message] of cases) {
    await using made = await temporaryKubeconfig(kubeconfig);
    const attempt = () => openCredentials({ kubeconfig: made.path });
    const error = await assertRejects(attempt, UserError, message, what);
    assert(!(error instanceof CredentialsNotReady), what);
    assert(error.message.includes(made.path), `${what}: ${error.message}`);
    assert(!error.message.includes("SECRET"), `${what}: ${error.message}`);
  }
});

Deno.test("outside a cluster a kubeconfig is asked for", async () => {
  using _ = environment({ KUBERNETES_SERVICE_HOST: undefined });
  const error = await assertRejects(() => openCredentials(), UserError);
  assert(error.message.includes("--kubeconfig"), error.message);
});

Deno.test("in a pod its ServiceAccount serves, and its token is followed", async () => {
  using _ = environment({ KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "8080" });
  await using made = await temporaryKubeconfig();
  const account = `${made.folder}/var/run/secrets/kubernetes.io/serviceaccount`;
  await Deno.mkdir(account, { recursive: true });
  await Deno.writeTextFile(`${account}/ca.crt`, TEST_AUTHORITY);
  await Deno.writeTextFile(`${account}/token`, "one");
  using credentials = await openCredentials({ pathPrefix: made.folder, rereadMs: 0 });
  const lease = async () => {
    using lease = await credentials.lease();
    return [lease.baseUrl, lease.headers.authorization];
  };
  assertEquals(await lease(), ["http://[fd00::1]:8080", "Bearer one"]);
  await Deno.writeTextFile(`${account}/token`, "two");
  assertEquals(await lease(), ["http://[fd00::1]:8080", "Bearer two"]);
});

Deno.test("files are looked at again after a while, and at once when the server refuses", async () => {
  await using made = await temporaryKubeconfig({
    cluster: { server: SERVER },
    user: { tokenFile: "token" },
  });
  await made.write("token", "one");
  let time = 0;
  using credentials = await openCredentials({ kubeconfig: made.path, now: () => time });
  const token = async () => {
    using lease = await credentials.lease();
    return lease.headers.authorization;
  };
  await made.write("token", "two");
  assertEquals(await token(), "Bearer one");
  time = 1000;
  assertEquals(await token(), "Bearer two");
  await made.write("token", "three");
  credentials.expire();
  assertEquals(await token(), "Bearer three");
});

Deno.test("files that break leave the last good credential, until the server refuses it", async () => {
  await using made = await temporaryKubeconfig({
    cluster: { server: SERVER },
    user: { tokenFile: "token" },
  });
  await made.write("token", "one");
  using credentials = await openCredentials({ kubeconfig: made.path, rereadMs: 0 });
  await Deno.remove(`${made.folder}/token`);
  {
    using lease = await credentials.lease();
    assertEquals(lease.headers.authorization, "Bearer one");
  }
  credentials.expire();
  await assertRejects(() => credentials.lease(), CredentialsNotReady, "/token");
});

Deno.test("where the API server is stays known while the credential is refused or cannot be read", async () => {
  await using made = await temporaryKubeconfig({ cluster: { server: SERVER } });
  using credentials = await openCredentials({ kubeconfig: made.path, rereadMs: 0 });
  credentials.expire();
  assertEquals(credentials.baseUrl, SERVER);
  await made.write("kubeconfig", "");
  await assertRejects(() => credentials.lease(), CredentialsNotReady);
  assertEquals(credentials.baseUrl, SERVER);
});

Deno.test("connections are kept while nothing that concerns them changes", async () => {
  const cluster = { server: SERVER };
  await using made = await temporaryKubeconfig({ cluster, user: { tokenFile: "token" } });
  await made.write("token", "one");
  using credentials = await openCredentials({ kubeconfig: made.path, rereadMs: 0 });
  using first = await credentials.lease();
  await made.write("token", "two");
  using second = await credentials.lease();
  assertStrictEquals(second.client, first.client);
  credentials.replaceClient(second);
  using third = await credentials.lease();
  assertNotStrictEquals(third.client, first.client);
  credentials.replaceClient(first); // it is replaced already
  using fourth = await credentials.lease();
  assertStrictEquals(fourth.client, third.client);
});

Deno.test("a kubeconfig that is written anew is read anew", async () => {
  await using made = await temporaryKubeconfig({ cluster: { server: SERVER } });
  assertEquals(await headersOf(made.path), {});
  using credentials = await openCredentials({ kubeconfig: made.path, rereadMs: 0 });
  const other = await Deno.readTextFile(made.path);
  await made.write("kubeconfig", other.replace("6443", "16443"));
  using lease = await credentials.lease();
  assertEquals(lease.baseUrl, "http://127.0.0.1:16443");
});

/** Sets variables of the environment until disposed of. */
function environment(values: Readonly<Record<string, string | undefined>>): Disposable {
  const set = (name: string, value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  const before = Object.keys(values).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(values)) set(name, value);
  return { [Symbol.dispose]: () => before.forEach(([name, value]) => set(name, value)) };
}
