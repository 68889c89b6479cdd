import { assertEquals } from "@std/assert";
import { ApiError } from "../../lib/kubernetes/api_error.ts";
import type { NodeReport } from "../../lib/kubernetes/node_report.ts";
import { OwnEvents } from "../../lib/reconcile/own_events.ts";

/** Runs it against an API that answers by `answer`; `act` is called with each attempt's number. */
async function reports(
  act: (events: OwnEvents, attempt: number, stop: () => void) => void,
  answer: (attempt: number) => void = () => {},
): Promise<NodeReport[]> {
  const made: NodeReport[] = [];
  const stop = new AbortController();
  const world = { now: 0 };
  const events: OwnEvents = new OwnEvents({
    api: {
      createEvent: (report) => {
        made.push(report);
        return Promise.resolve(made.length).then(answer);
      },
    },
    reporter: "wireguard.kube/hub",
    node: () => ({ name: "hub-1", uid: "u" }),
    onResult: () => act(events, made.length, () => stop.abort()),
    now: () => world.now += 60_000,
    random: () => 0,
  });
  act(events, 0, () => stop.abort());
  await events.run(stop.signal);
  return made;
}

Deno.test("what holds is told once on the own Node, and again when it has changed or was over", async () => {
  const made = await reports((events, attempt, stop) => {
    if (attempt === 0) events.say("SeveralHubs", "a, b");
    if (attempt === 1) {
      events.say("SeveralHubs", "a, b");
      events.say("SeveralHubs", "b, a");
    }
    if (attempt === 2) {
      events.say("SeveralHubs", undefined);
      events.say("SeveralHubs", "b, a");
      events.say("Other", "c");
    }
    if (attempt === 4) stop();
  });
  assertEquals(made.map(({ reason, message }) => `${reason}: ${message}`), [
    "SeveralHubs: a, b",
    "SeveralHubs: b, a",
    "SeveralHubs: b, a",
    "Other: c",
  ]);
  const { at: _, ...first } = made[0]!;
  assertEquals(first, {
    node: { name: "hub-1", uid: "u" },
    type: "Warning",
    reason: "SeveralHubs",
    message: "a, b",
    action: "Publish",
    reporter: "wireguard.kube/hub",
    instance: "hub-1",
  });
});

Deno.test("an Event that could not be written is tried again", async () => {
  const made = await reports(
    (events, attempt, stop) => {
      if (attempt === 0) events.say("SeveralHubs", "a, b");
      if (attempt === 3) stop();
    },
    (attempt) => {
      if (attempt < 3) throw new ApiError("no", 503);
    },
  );
  assertEquals(made.length, 3);
});
