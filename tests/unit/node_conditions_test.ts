import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ApiError } from "../../lib/kubernetes/api_error.ts";
import type { ApiRequest } from "../../lib/kubernetes/api_transport.ts";
import { conditionIn } from "../../lib/kubernetes/node_condition.ts";
import { NodeConditions } from "../../lib/hub/node_conditions.ts";
import type { TunnelState } from "../../lib/hub/tunnel_watch.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");

/** Runs it against an API that answers so, until so many outcomes have come. */
async function outcomes(
  states: readonly ReadonlyMap<string, TunnelState>[],
  answer: (request: ApiRequest) => unknown,
) {
  const stop = new AbortController();
  const sent: { method: string | undefined; path: string; body: unknown }[] = [];
  const results: unknown[] = [];
  let wall = NOW;
  const conditions: NodeConditions = new NodeConditions({
    api: {
      send: (request) => {
        const { method, path, body } = request;
        sent.push({ method, path, body });
        return Promise.resolve(request).then(answer);
      },
    },
    hub: "hub-1",
    onResult: (error) => {
      results.push(error);
      wall += 60_000;
      const next = states[results.length];
      if (next) conditions.update(next);
      else stop.abort();
    },
    wall: () => wall,
    random: () => 0,
  });
  conditions.update(states[0]);
  await conditions.run(stop.signal);
  return { sent, results };
}

const said = (body: unknown) =>
  (body as { status: { conditions: readonly Record<string, unknown>[] } }).status.conditions[0]!;

Deno.test("a peer's Node is told that its tunnel is up, and since when", async () => {
  const states = ["up", "down", "down"].map((state) => new Map([["edge-2", state as TunnelState]]));
  states[2] = new Map();
  const { sent, results } = await outcomes(states, () => ({}));
  assertEquals(results, [undefined, undefined, undefined]);
  const path = "/api/v1/nodes/edge-2";
  assertEquals(sent.map(({ method, path }) => [method, path]), [
    [undefined, path],
    ["PATCH", `${path}/status`],
    ["PATCH", `${path}/status`],
    ["PATCH", `${path}/status`],
  ]);
  assertEquals(said(sent[1]!.body), {
    type: "WireGuardReady",
    status: "True",
    reason: "Handshake",
    message: "hub hub-1 shakes hands with it",
    lastTransitionTime: "2026-03-01T12:00:00Z",
    lastHeartbeatTime: "2026-03-01T12:00:00Z",
  });
  const { status, reason, lastTransitionTime } = said(sent[2]!.body);
  assertEquals([status, reason, lastTransitionTime], [
    "False",
    "NoHandshake",
    "2026-03-01T12:01:00Z",
  ]);
  assertEquals(said(sent[3]!.body), { type: "WireGuardReady", $patch: "delete" });
});

Deno.test("a hub that starts anew leaves since when it has been so", async () => {
  const since = "2026-02-01T00:00:00Z";
  for (const [status, expected] of [["True", since], ["False", "2026-03-01T12:00:00Z"]] as const) {
    const node = {
      status: { conditions: [{ type: "WireGuardReady", status, lastTransitionTime: since }] },
    };
    const { sent } = await outcomes([new Map([["edge-2", "up"]])], () => node);
    assertEquals(said(sent[1]!.body).lastTransitionTime, expected);
  }
});

Deno.test("a Node that has gone is no trouble; a right that lacks is told with its remedy", async () => {
  const up = new Map([["edge-2", "up" as const]]);
  const gone = await outcomes([up], () => {
    throw new ApiError("404", 404);
  });
  assertEquals(gone.results, [undefined]);
  const refused = await outcomes([up], ({ method }) => {
    if (method === "PATCH") throw new ApiError("403", 403);
    return {};
  });
  assertEquals(
    String(refused.results[0]),
    "Refused: may not set the condition of Nodes: apply deploy/components/node-condition",
  );
});

Deno.test("whatever a Node's status is, it has a condition of ours with a time, or none", () => {
  const anyTime = fc.oneof(fc.anything(), fc.string(), fc.date().map((date) => `${date}`));
  fc.assert(fc.property(fc.anything(), anyTime, (type, time) => {
    for (const json of [type, { status: type }, { status: { conditions: type } }]) {
      assertEquals(conditionIn(json), undefined);
    }
    const ours = { type: "WireGuardReady", status: type, lastTransitionTime: time };
    const conditions = [null, type, ours];
    const found = conditionIn({ status: { conditions } });
    assertEquals(found === undefined || Number.isFinite(found.since), true);
  }));
});
