import { assertEquals } from "@std/assert";
import type { Refusal } from "../../lib/contract/refusal.ts";
import { ApiError } from "../../lib/kubernetes/api_error.ts";
import type { NodeReport } from "../../lib/kubernetes/node_report.ts";
import { Refused } from "../../lib/reconcile/publish.ts";
import { RefusalEvents } from "../../lib/reconcile/refusal_events.ts";

const refusal = (node: string, value = "10.0.0.0/8"): Refusal => ({
  node,
  subject: "allowed-ips",
  value,
  code: "out-of-bounds",
  reason: "lies outside --peer-cidrs",
});

/** Runs it against an API that answers by `answer`, until so many outcomes have come. */
async function outcomes(
  refusals: readonly Refusal[],
  count: number,
  answer: (attempt: number) => void,
): Promise<{ reports: NodeReport[]; results: unknown[] }> {
  const reports: NodeReport[] = [];
  const results: unknown[] = [];
  const stop = new AbortController();
  const events = new RefusalEvents({
    api: {
      createEvent: (report) => {
        reports.push(report);
        return Promise.resolve(reports.length).then(answer);
      },
    },
    reporter: "wireguard.kube/hub",
    hub: "hub-1",
    node: (name) => name === "gone" ? undefined : { uid: `uid of ${name}` },
    onResult: (error) => {
      results.push(error);
      if (results.length === count) stop.abort();
    },
    random: () => 0,
  });
  events.update(refusals);
  await events.run(stop.signal);
  return { reports, results };
}

Deno.test("each refusal becomes a warning about its Node", async () => {
  const { reports } = await outcomes([refusal("edge-7"), refusal("gone")], 2, () => {});
  assertEquals(reports.map(({ at: _, ...report }) => report), [{
    node: { name: "edge-7", uid: "uid of edge-7" },
    type: "Warning",
    reason: "ClaimRefused",
    message: "hub hub-1 refuses allowed-ips 10.0.0.0/8: lies outside --peer-cidrs",
    action: "Admit",
    reporter: "wireguard.kube/hub",
    instance: "hub-1",
  }]);
});

Deno.test("an Event that fails is tried again; one that the API finds faulty is not", async () => {
  const { reports, results } = await outcomes([refusal("a"), refusal("b")], 4, (attempt) => {
    if (attempt === 1) throw new ApiError("503", 503);
    if (attempt === 2) throw new ApiError("403", 403);
    if (attempt === 3) throw new ApiError("422", 422);
  });
  assertEquals(reports.map(({ node }) => node.name), ["a", "a", "a", "b"]);
  assertEquals(
    results[1] instanceof Refused && results[1].message,
    "may not create Events: apply deploy/rbac.yaml (403)",
  );
  assertEquals(results[3], undefined);
});
