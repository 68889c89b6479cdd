import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { apiErrorOf } from "../../lib/kubernetes/api_error.ts";

function refusal(status: number, body: string, headers: Record<string, string> = {}) {
  return apiErrorOf("PATCH /api/v1/nodes/a", status, body, new Headers(headers));
}

Deno.test("a Status body gives reason and message", () => {
  const body = JSON.stringify({ kind: "Status", message: "no such\n node", reason: "NotFound" });
  const error = refusal(404, body);
  assertEquals(error.message, "PATCH /api/v1/nodes/a: 404 no such node");
  assertEquals([error.reason, error.status, error.refusedBy], ["NotFound", 404, undefined]);
});

Deno.test("missing rights and an admission policy are told apart", () => {
  assertEquals(refusal(403, "").refusedBy, "rbac");
  assertEquals(refusal(422, "").refusedBy, "policy");
  assertEquals(refusal(401, "").refusedBy, undefined);
});

Deno.test("401 says what it means, for the server does not", () => {
  const { message } = refusal(401, '{"kind":"Status","message":"Unauthorized"}');
  assertEquals(
    message,
    "PATCH /api/v1/nodes/a: 401 Unauthorized (the credential has expired, was revoked, or is another cluster's)",
  );
});

Deno.test("Retry-After is read in seconds, within reason", () => {
  const told = (value: string) => refusal(429, "", { "retry-after": value }).retryAfterMs;
  assertEquals(["0", "1", "30"].map(told), [0, 1000, 30_000]);
  assertEquals(told("86400"), 60_000);
  assertEquals(["-1", "1.5", "soon", ""].map(told), Array(4).fill(undefined));
});

Deno.test("whatever the body is, the message is one line of bounded length", () => {
  const body = fc.oneof(fc.string({ unit: "binary", maxLength: 3000 }), fc.json());
  fc.assert(fc.property(body, (text) => {
    const { message } = refusal(500, text);
    // deno-lint-ignore no-control-regex -- none of them may be left
    assert(!/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(message));
    assert(message.length < 600);
  }));
});
