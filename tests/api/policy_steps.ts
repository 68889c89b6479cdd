import { assertEquals } from "@std/assert";
import type { ApiAnswer } from "../lab/api_client.ts";
import type { Attack } from "./policy_request.ts";
import type { Legitimate } from "./policy_legitimate.ts";
import { nodePath, type PolicyRequest } from "./policy_request.ts";
import type { PolicyStage } from "./policy_stage.ts";

interface NodeObject {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** Sends a request as whoever it is by. */
export function send(stage: PolicyStage, request: PolicyRequest, query = ""): Promise<ApiAnswer> {
  const { who, method, path, body, contentType, headers } = request;
  const asked = query === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`;
  return stage.as(who).request(method, asked, body, contentType, headers);
}

/** Why a request was refused. */
export const messageOf = ({ body }: ApiAnswer) => (body as { message?: string }).message ?? "";

/** Each attack is a step: it is refused, by whom it should be, and leaves every object as it was. */
export async function refuseAll(
  t: Deno.TestContext,
  stage: PolicyStage,
  attacks: readonly Attack[],
): Promise<void> {
  for (const attack of attacks) {
    await t.step(`attack: ${attack.who} ${attack.what}: ${attack.status}`, async () => {
      const before = await stage.versions();
      const answer = await send(stage, attack);
      assertEquals(answer.status, attack.status, messageOf(answer));
      // The API server refuses objects that are not well-formed by the same status.
      const byPolicy = /ValidatingAdmissionPolicy 'wireguard-(hub|keys)'/.test(messageOf(answer));
      assertEquals(byPolicy, attack.status === 422, messageOf(answer));
      assertEquals(await stage.versions(), before);
    });
  }
}

/** Each request is a step: it succeeds, and the Node says so. */
export async function allowAll(
  t: Deno.TestContext,
  stage: PolicyStage,
  requests: readonly Legitimate[],
): Promise<void> {
  for (const request of requests) {
    await t.step(`allowed: ${request.who} ${request.what}`, async () => {
      const answer = await send(stage, request);
      assertEquals(Math.floor(answer.status / 100), 2, messageOf(answer));
      if (request.node === undefined) return;
      const path = nodePath(request.node);
      const { metadata } = await stage.cluster.admin.expect("GET", path) as NodeObject;
      const said = { ...metadata.labels, ...metadata.annotations };
      for (const [key, value] of Object.entries(request.then ?? {})) {
        assertEquals(said[key] ?? null, value, key);
      }
    });
  }
}
