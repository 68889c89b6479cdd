import type { BenchLab, Section } from "../bench_lab.ts";
import { bigNode, managedFields } from "../big_node.ts";
import type { Series } from "../report/series.ts";
import { denoCommand, WAY } from "../ways.ts";
import { HubBench } from "../../tests/lab/hub_bench.ts";
import type { LabHost } from "../../tests/lab/lab_host.ts";
import type { LabProcess } from "../../tests/lab/lab_process.ts";
import { SpokeBench } from "../../tests/lab/spoke_bench.ts";

/** Last part of the spoke's hub on the underlay; its own is one more. */
const SPOKE_NUMBER = 150;

/** From exec to a tunnel: of a spoke, which needs no API for it, and of a hub, which lists all Nodes. */
export const START: Section = {
  name: "start",
  async run(lab) {
    const rounds = lab.quick ? 3 : 9;
    const series = await spokeStarts(lab, rounds);
    for (const peers of lab.sizes) series.push(...await hubStarts(peers, lab.repeats));
    return series;
  },
};

async function spokeStarts(lab: BenchLab, rounds: number): Promise<Series[]> {
  await using bench = await SpokeBench.create({ kind: "kernel", number: SPOKE_NUMBER });
  const { spoke } = bench;
  const up: number[] = [];
  const deno: number[] = [];
  const go: number[] = [];
  for (let round = 0; round < rounds; round++) {
    up.push(
      await timeTo(/interface set/, () => bench.startSpoke(), async () => {
        await spoke.run(["ip", "link", "delete", "wg0"]);
      }),
    );
    deno.push(await programStart(spoke, denoCommand("ready.ts")));
    go.push(await programStart(spoke, [lab.rivals.increment, "known"]));
  }
  const share = { unit: "ms" };
  return [
    { ...share, way: WAY.spoke, what: "exec → wg0 up", values: up },
    { ...share, way: WAY.runtime, what: "exec → a line printed", values: deno },
    { ...share, way: "Go, wgctrl", what: "exec → a line printed", values: go },
  ];
}

async function programStart(host: LabHost, [program, ...args]: readonly string[]) {
  return await timeTo(/^ready$/, () => host.spawn(program!, args, { input: true }));
}

/** How long a program takes to print a line, in ms; it is then ended. */
async function timeTo(
  line: RegExp,
  start: () => LabProcess,
  after: () => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const begin = performance.now();
  const process = start();
  try {
    await process.waitForLine(line);
    return performance.now() - begin;
  } finally {
    await process[Symbol.asyncDispose]();
    await after();
  }
}

/** A first start makes the interface and all peers; a later one finds them. */
async function hubStarts(peers: number, rounds: number): Promise<Series[]> {
  await using bench = await HubBench.create();
  for (let number = 0; number < peers; number++) {
    const node = bigNode(number);
    bench.api.createNode({
      ...node,
      metadata: { ...node.metadata, managedFields: managedFields() },
    });
  }
  const first: number[] = [];
  const again: number[] = [];
  const start = async () => {
    await bench.process.stop();
    const begin = performance.now();
    bench.process = bench.startHub();
    await bench.inStep();
    return performance.now() - begin;
  };
  for (let round = 0; round < rounds; round++) {
    await bench.process.stop();
    await bench.host.run(["ip", "link", "delete", "wg0"]);
    first.push(await start());
    again.push(await start());
  }
  const share = { way: WAY.hub, peers, unit: "ms" };
  return [
    { ...share, what: "exec → in step, first start", values: first },
    { ...share, what: "exec → in step, again", values: again },
  ];
}
