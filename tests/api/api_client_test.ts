import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ApiClient } from "../../lib/kubernetes/api_client.ts";
import { ApiError, ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import type { TransportOptions } from "../../lib/kubernetes/api_transport.ts";
import { openCredentials } from "../../lib/kubernetes/credentials.ts";
import { type EmbeddedApiOptions, startEmbeddedApi } from "../lab/embedded_api.ts";
import { temporaryKubeconfig } from "./temporary_kubeconfig.ts";

const never = new AbortController().signal;

/** A server, and a client that presents the token in a file. */
async function setUp(options: EmbeddedApiOptions = {}, client?: TransportOptions) {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(startEmbeddedApi(options));
  const made = stack.use(
    await temporaryKubeconfig({ cluster: { server: server.url }, user: { tokenFile: "token" } }),
  );
  await made.write("token", "one");
  const credentials = await openCredentials({ kubeconfig: made.path });
  const api = stack.use(new ApiClient(credentials, client));
  const owned = stack.move();
  return { server, api, made, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

Deno.test("a refused credential is read again, and the request made once more", async () => {
  await using t = await setUp({ tokens: ["two"] });
  await t.made.write("token", "two");
  assertEquals(await t.api.getNode("a", never), undefined);
  const tokens = t.server.requests.map(({ headers }) => headers.get("authorization"));
  assertEquals(tokens, ["Bearer one", "Bearer two"]);
});

Deno.test("a credential that stays refused is an error after two requests", async () => {
  await using t = await setUp({ tokens: ["two"] });
  const error = await assertRejects(() => t.api.getNode("a", never), ApiError, "401 Unauthorized");
  assertEquals([error.status, t.server.requests.length], [401, 2]);
});

Deno.test("a server that never answers is given up, and the next request finds it again", async () => {
  await using t = await setUp({}, { requestTimeoutMs: 100 });
  t.server.inject({ hang: true });
  const attempt = () => t.api.getNode("a", never);
  const error = await assertRejects(
    attempt,
    ApiUnreachable,
    "GET /api/v1/nodes/a: no answer for 0.1 s",
  );
  assert(error.timedOut);
  assertEquals(await t.api.getNode("a", never), undefined);
});

Deno.test("a watch that is not answered is given up as other requests are", async () => {
  await using t = await setUp({}, { requestTimeoutMs: 100 });
  t.server.inject({ hang: true });
  const watch = t.api.watchNodes({}, {
    metadataOnly: true,
    signal: never,
    resourceVersion: "1",
    timeoutSeconds: 60,
    idleMs: 60_000,
  });
  const error = await assertRejects(() => watch.next(), ApiUnreachable, "no answer for 0.1 s");
  assert(error.timedOut);
});

Deno.test("the caller's signal ends a request with its own reason", async () => {
  await using t = await setUp();
  t.server.inject({ hang: true });
  const stop = new AbortController();
  const reason = new Error("enough");
  const asked = t.api.getNode("a", stop.signal);
  stop.abort(reason);
  assertStrictEquals(await assertRejects(() => asked), reason);
});

Deno.test("an answer that breaks off is no answer", async () => {
  await using t = await setUp();
  t.server.inject({ cut: true });
  const error = await assertRejects(() => t.api.getNode("a", never), ApiUnreachable);
  assertEquals(error.timedOut, false);
});

Deno.test("a server that is away is unreachable, with the reason", async () => {
  await using t = await setUp();
  await t.server.stop();
  const error = await assertRejects(
    () => t.api.getNode("a", never),
    ApiUnreachable,
    "GET /api/v1/",
  );
  assert(/refused/i.test(error.message), error.message);
});

Deno.test("a refusal says when to come back, and who refused", async () => {
  await using t = await setUp();
  const patch = () => t.api.patchNode("a", { labels: { a: "b" } }, never);
  t.server.inject({ status: 429, reason: "TooManyRequests", retryAfterSeconds: 3 });
  assertEquals((await assertRejects(patch, ApiError)).retryAfterMs, 3000);
  t.server.inject({ status: 403, reason: "Forbidden", message: "no\nrole" });
  const error = await assertRejects(patch, ApiError, "PATCH /api/v1/nodes/a: 403 no role");
  assertEquals([error.refusedBy, error.reason], ["rbac", "Forbidden"]);
  t.server.inject({ status: 422, reason: "Invalid" });
  assertEquals((await assertRejects(patch, ApiError)).refusedBy, "policy");
});

Deno.test("a Node's name cannot lead to another path", async () => {
  await using t = await setUp();
  assertEquals(await t.api.getNode("a/status?x=y", never), undefined);
  assertEquals(t.server.requests.at(-1)?.path, "/api/v1/nodes/a%2Fstatus%3Fx%3Dy");
});

Deno.test("whoever stops listening to a watch hangs up", async () => {
  await using t = await setUp();
  for await (
    const event of t.api.watchNodes({}, {
      metadataOnly: true,
      signal: never,
      resourceVersion: "1",
      timeoutSeconds: 60,
      idleMs: 60_000,
    })
  ) {
    assertEquals([event.type, t.server.watches], ["open", 1]);
    break;
  }
  // Any later request is answered after the server has seen the connection go.
  for (let i = 0; i < 100 && t.server.watches > 0; i++) await t.api.getNode("a", never);
  assertEquals(t.server.watches, 0);
});

Deno.test("the addresses of Nodes are read whole from a server that knows no Tables", async () => {
  await using t = await setUp();
  const create = (name: string, labels: Readonly<Record<string, string>>) =>
    t.api.send({
      method: "POST",
      path: "/api/v1/nodes",
      body: { apiVersion: "v1", kind: "Node", metadata: { name, labels } },
      signal: never,
    });
  await create("aks-1", {});
  await create("edge-1", { peer: "true" });
  await t.api.send({
    method: "PATCH",
    path: "/api/v1/nodes/aks-1/status",
    contentType: "application/merge-patch+json",
    body: { status: { addresses: [{ type: "InternalIP", address: "10.0.0.5" }] } },
    signal: never,
  });
  const found = await t.api.listNodeAddresses({ labelSelector: "peer!=true" }, false, never);
  assertEquals<unknown>([...found], [["aks-1", ["10.0.0.5"]]]);
});
