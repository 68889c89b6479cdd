import { type Refusal, refusalsByCode } from "../contract/refusal.ts";
import type { WatchEnd } from "../kubernetes/node_watcher.ts";
import type { Deed } from "../tunnel/deed.ts";
import { VERSION } from "../version.ts";
import type { Observer } from "./observer.ts";
import { type MetricSet, readCounter, readGauge } from "./read_metrics.ts";
import { failureKind, requestKind } from "./request_kind.ts";

/** What is told of a watch of Nodes. */
export interface WatchState {
  /** Milliseconds; undefined before the first list. */
  readonly listAgeMs: number | undefined;
  readonly restarts: Readonly<Record<WatchEnd, number>>;
}

/** The watches of a program, by names of ours. */
export type WatchStates = Readonly<Record<string, WatchState>>;

/** A turn takes 1 ms when there is nothing to do; one that has a thousand peers to tell, seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];

/** Counts what the program does. Labels take only words of ours: a stranger cannot make series. */
export function countPipeline({ library, registry }: MetricSet): Observer {
  const { Counter, Histogram } = library;
  const registers = [registry];
  const turns = new Histogram({
    name: "wg_kube_reconcile_duration_seconds",
    help: "How long the turns of each loop took, by result: success or failure",
    labelNames: ["loop", "result"],
    buckets: BUCKETS,
    registers,
  });
  const changes = new Counter({
    name: "wg_kube_changes_total",
    help: "What was done to the interface, its peers and routes",
    labelNames: ["kind"],
    registers,
  });
  const requests = new Counter({
    name: "wg_kube_api_requests_total",
    help: "Requests to the API server, failed ones included",
    labelNames: ["verb", "resource"],
    registers,
  });
  const failures = new Counter({
    name: "wg_kube_api_request_failures_total",
    help: "Requests that failed, by HTTP status, or timeout, unreachable or credential",
    labelNames: ["verb", "resource", "reason"],
    registers,
  });
  const refused = new Counter({
    name: "wg_kube_refusals_total",
    help: "Claims of Nodes that were refused, each counted when it was new",
    labelNames: ["reason"],
    registers,
  });
  for (const code of refusalsByCode([]).keys()) refused.labels(code).inc(0);
  let known = new Set<string>();
  return {
    turn: (loop, ms, ok) => turns.labels(loop, ok ? "success" : "failure").observe(ms / 1000),
    deeds: (deeds) => {
      for (const deed of deeds) changes.labels(kindOf(deed)).inc();
    },
    refusals: (refusals) => {
      const now = new Set<string>();
      for (const { code, node, subject, value } of refusals) {
        const key = JSON.stringify([code, node, subject, value]);
        if (!known.has(key) && !now.has(key)) refused.labels(code).inc();
        now.add(key);
      }
      known = now;
    },
    request: (request, error) => {
      const { verb, resource } = requestKind(request);
      requests.labels(verb, resource).inc();
      if (error !== undefined) failures.labels(verb, resource, failureKind(error)).inc();
    },
  };
}

/** What of the pipeline is read when somebody asks. */
export interface PipelineState {
  /** `hub` or `spoke`. */
  readonly program: string;
  /** All refusals that hold now. */
  refusals(): readonly Refusal[];
  /** Its watches of Nodes, as they are now. */
  watches(): WatchStates;
}

/** Tells of the program's state. */
export function readPipeline(
  set: MetricSet,
  { program, refusals, watches }: PipelineState,
): void {
  readGauge(set, {
    name: "wg_kube_build_info",
    help: "Always 1: which program this is, and of which version",
    labelNames: ["program", "version"],
    read: () => [[[program, VERSION], 1]],
  });
  readGauge(set, {
    name: "wg_kube_refused_claims",
    help: "Claims of Nodes that are refused now",
    labelNames: ["reason"],
    read: () => [...refusalsByCode(refusals())].map(([code, count]) => [[code], count]),
  });
  readCounter(set, {
    name: "wg_kube_watch_restarts_total",
    help: "How often each watch of Nodes was begun again, by what had ended it",
    labelNames: ["watch", "reason"],
    read: () =>
      Object.entries(watches()).flatMap(([watch, { restarts }]) =>
        Object.entries(restarts).map(([reason, count]) => [[watch, reason], count] as const)
      ),
  });
  readGauge(set, {
    name: "wg_kube_list_age_seconds",
    help: "How long ago the Nodes of each watch were last listed as a whole",
    labelNames: ["watch"],
    read: () =>
      Object.entries(watches()).flatMap(([watch, { listAgeMs }]) =>
        listAgeMs === undefined ? [] : [[[watch], listAgeMs / 1000] as const]
      ),
  });
}

/** `peer added` as `peer_added`: the texts of deeds are few, and ours. */
function kindOf({ text }: Deed): string {
  return text.toLowerCase().replaceAll(" ", "_");
}
