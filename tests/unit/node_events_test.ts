import { assert, assertEquals } from "@std/assert";
import type { Notice } from "../../lib/contract/refusal.ts";
import { ApiError } from "../../lib/kubernetes/api_error.ts";
import type { NodeReport } from "../../lib/kubernetes/node_report.ts";
import { Refused } from "../../lib/reconcile/publish.ts";
import { NodeEvents } from "../../lib/hub/node_events.ts";
import { type NodeNotice, refusalNotice } from "../../lib/hub/node_notice.ts";
import { VirtualTime } from "./virtual_time.ts";

const refusal = (node: string, value = "10.0.0.0/8"): NodeNotice =>
  refusalNotice({
    node,
    subject: "allowed-ips",
    value,
    code: "out-of-bounds",
    reason: "lies outside --peer-cidrs",
  }, "hub-1");

/** Runs it against an API that answers by `answer`, until so many outcomes have come. */
async function outcomes(
  notices: readonly NodeNotice[],
  count: number,
  answer: (attempt: number) => void,
): Promise<{ reports: NodeReport[]; results: unknown[] }> {
  const reports: NodeReport[] = [];
  const results: unknown[] = [];
  const stop = new AbortController();
  const events = new NodeEvents({
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
  events.update("test", notices);
  await events.run(stop.signal);
  return { reports, results };
}

Deno.test("each refusal becomes a warning about its Node", async () => {
  const { reports } = await outcomes([refusal("gone"), refusal("edge-7")], 1, () => {});
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

Deno.test("an API server that wants to be left alone gets no Event meanwhile", async () => {
  const time = new VirtualTime();
  const stop = new AbortController();
  const attempts: number[] = [];
  const events = new NodeEvents({
    api: {
      createEvent: () => {
        attempts.push(time.now);
        return Promise.reject(new ApiError("429", 429, "TooManyRequests", 30_000));
      },
    },
    reporter: "wireguard.kube/hub",
    hub: "hub-1",
    node: () => ({ uid: "u" }),
    onResult: () => {},
    now: () => time.now,
    random: () => 0,
    sleep: time.sleep,
  });
  events.update("test", [refusal("a")]);
  const running = events.run(stop.signal);
  await time.pass(60_000);
  stop.abort();
  await running;
  assertEquals(attempts, [0, 30_000, 60_000]);
});

Deno.test("what is masked is told as what is refused is, but warns nobody", async () => {
  const masked: Notice = {
    node: "edge-7",
    subject: "allowed-ips",
    value: '"10.1.2.3/8"',
    code: "host-bits",
    reason: "has host bits set and counts as 10.0.0.0/8",
  };
  const { reports: [report] } = await outcomes([refusalNotice(masked, "hub-1")], 1, () => {});
  assertEquals([report?.type, report?.reason, report?.message], [
    "Normal",
    "ClaimMasked",
    'hub hub-1 masks allowed-ips "10.1.2.3/8": has host bits set and counts as 10.0.0.0/8',
  ]);
});

/** How many Events are created in so many hours, about each Node, by what holds at each minute. */
async function eventsOf(
  hours: number,
  holds: (minute: number) => readonly NodeNotice[],
  fault?: Error,
): Promise<Record<string, number>> {
  const time = new VirtualTime();
  const counts: Record<string, number> = {};
  const stop = new AbortController();
  const events = new NodeEvents({
    api: {
      createEvent: ({ node: { name } }) => {
        counts[name] = (counts[name] ?? 0) + 1;
        return fault ? Promise.reject(fault) : Promise.resolve();
      },
    },
    reporter: "wireguard.kube/hub",
    hub: "hub-1",
    node: () => ({ uid: "u" }),
    onResult: () => {},
    now: () => time.now,
    random: () => 0.5,
    sleep: time.sleep,
  });
  const running = events.run(stop.signal);
  for (let minute = 0; minute < hours * 60; minute++) {
    events.update("test", holds(minute));
    const next = time.sleep(60_000);
    await time.pass(time.now + 60_000);
    await next;
  }
  stop.abort();
  await running;
  return counts;
}

Deno.test("a refusal that lasts has an Event in every hour, and no more than two", async () => {
  const { edge } = await eventsOf(6, () => [refusal("edge")]);
  assertEquals(edge, 1 + Math.floor((6 * 60 - 1) / 50));
});

Deno.test("a Node that flaps has no more Events than one a minute, and others have theirs", async () => {
  const flapping = (minute: number) =>
    Array.from({ length: 10 }, (_, i) => refusal("liar", `${minute} ${i}`));
  const counts = await eventsOf(2, (minute) => [...flapping(minute), refusal("edge")]);
  assertEquals(counts, { liar: 5 + 119, edge: 3 });
});

Deno.test("an API that takes no Events is asked ever less often", async () => {
  const { edge } = await eventsOf(2, () => [refusal("edge")], new ApiError("POST: 403", 403));
  assert(edge! > 100 && edge! < 130, `${edge} attempts in two hours`);
});
