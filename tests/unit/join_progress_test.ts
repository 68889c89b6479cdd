import { assertEquals } from "@std/assert";
import { type JoinFacts, joinProgress } from "../../lib/spoke/join_progress.ts";

const NOW = 1_000_000_000;
const JOINED: JoinFacts = {
  hasCredential: true,
  isRegistered: true,
  hub: "hub-1",
  lastHandshake: NOW - 1000,
};

Deno.test("a spoke has joined when it is registered and its hub has answered lately", () => {
  const table: [Partial<JoinFacts>, string | undefined][] = [
    [{}, undefined],
    [{ lastHandshake: NOW - 179_999 }, undefined],
    [{ lastHandshake: NOW - 180_000 }, "the interface is up, waiting for an answer of hub-1"],
    [{ lastHandshake: 0 }, "the interface is up, waiting for an answer of hub-1"],
    [{ hub: undefined }, "the tunnel is up, waiting for a hub"],
    [
      { hub: undefined, lastHandshake: undefined, isRegistered: false },
      "the interface is up, waiting to register on the own node",
    ],
    [{ hasCredential: false }, "the tunnel is up, waiting for the kubelet's credential"],
  ];
  for (const [facts, text] of table) {
    assertEquals(joinProgress({ ...JOINED, ...facts }, NOW), {
      joined: text === undefined,
      text: text ?? "joined by hub-1",
    });
  }
});
