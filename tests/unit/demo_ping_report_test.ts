import { assertEquals, assertThrows } from "@std/assert";
import { pingReport } from "../../tasks/demo/ping_report.ts";

/** What ping prints when these requests were answered and that many were sent. */
function output(answered: readonly number[], sent: number, more: readonly string[] = []): string {
  return [
    "PING 100.96.0.3 (100.96.0.3) 56(84) bytes of data.",
    ...answered.map((number) => `64 bytes from 100.96.0.3: icmp_seq=${number} ttl=63 time=0.5 ms`),
    ...more,
    "",
    "--- 100.96.0.3 ping statistics ---",
    `${sent} packets transmitted, ${answered.length} received, 0% packet loss, time 100ms`,
    "rtt min/avg/max/mdev = 0.500/0.500/0.500/0.000 ms",
  ].join("\n");
}

const cases = [
  { name: "all answered", answered: [1, 2, 3], sent: 3, lost: 0, counted: 3, longestGap: 1 },
  { name: "the last one under way", answered: [1, 2], sent: 3, lost: 0, counted: 2, longestGap: 1 },
  { name: "one lost in the middle", answered: [1, 3], sent: 3, lost: 1, counted: 3, longestGap: 2 },
  {
    name: "an outage in the middle",
    answered: [1, 5],
    sent: 6,
    lost: 3,
    counted: 5,
    longestGap: 4,
  },
  { name: "an outage at the end", answered: [1, 2], sent: 4, lost: 2, counted: 4, longestGap: 3 },
  {
    name: "an outage at the beginning",
    answered: [3],
    sent: 3,
    lost: 2,
    counted: 3,
    longestGap: 3,
  },
  { name: "none answered", answered: [], sent: 3, lost: 3, counted: 3, longestGap: 4 },
  {
    name: "answers out of order",
    answered: [2, 1, 3],
    sent: 3,
    lost: 0,
    counted: 3,
    longestGap: 1,
  },
];

for (const { name, answered, sent, lost, counted, longestGap } of cases) {
  Deno.test(`pingReport() counts the lost: ${name}`, () => {
    assertEquals(pingReport(output(answered, sent)), {
      sent: counted,
      answered: answered.length,
      lost,
      longestGap,
    });
  });
}

Deno.test("pingReport() takes neither a duplicate nor an error for an answer", () => {
  const more = [
    "64 bytes from 100.96.0.3: icmp_seq=1 ttl=63 time=0.6 ms (DUP!)",
    "From 100.96.0.1 icmp_seq=2 Destination Host Unreachable",
  ];
  const { answered, lost } = pingReport(output([1, 3], 3, more));
  assertEquals({ answered, lost }, { answered: 2, lost: 1 });
});

Deno.test("pingReport() refuses the output of a ping that was killed", () => {
  const killed = output([1, 2], 2).split("\n---")[0]!;
  assertThrows(() => pingReport(killed), Error, "did not come to its end");
});
