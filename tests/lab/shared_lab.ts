import { Cluster } from "./cluster.ts";
import { kubernetesPrograms } from "./kubernetes_programs.ts";
import { LabHost } from "./lab_host.ts";
import { Underlay } from "./underlay.ts";

/** What every test file of a tier shares, since it is slow to start: made once by stage.ts. */
export interface SharedLab extends AsyncDisposable {
  readonly cluster: Cluster;
  /** The network that the cluster is on; none in the api tier. */
  readonly underlay: Underlay | undefined;
}

/** What stage.ts tells the test files, by the environment. */
export interface StageState {
  readonly folder: string;
  readonly address: string;
  readonly port: number;
  /** Process that holds the switch; without it the cluster listens on loopback. */
  readonly switchPid?: number;
}

export const STATE_VARIABLE = "WG_KUBE_LAB_STATE";
/** Which of the stages that share the files a stage is; and where it writes that, beside a report. */
export const LANE_VARIABLE = "WG_KUBE_LANE";
export const LANE_FILE = "lane";

/**
 * Joins the lab that the test runner has started. Dispose it at the end of the test: that closes
 * this test's connections and leaves the lab running.
 *
 * @throws {Error} when the tests were not started by the runner.
 */
export async function sharedLab(): Promise<SharedLab> {
  const { switchPid, ...where } = stageState();
  const host = switchPid === undefined ? undefined : LabHost.join("switch", switchPid);
  const programs = await kubernetesPrograms();
  const cluster = await Cluster.join({ ...where, programs, ...(host && { host }) });
  return {
    cluster,
    underlay: host && Underlay.join(host),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/**
 * The network of the lab alone, for tests that bring their own API server.
 *
 * @throws {Error} when the tests were not started by the runner, in the tunnel tier.
 */
export function sharedUnderlay(): Underlay {
  const { switchPid } = stageState();
  if (switchPid === undefined) throw new Error("this tier of tests has no network");
  return Underlay.join(LabHost.join("switch", switchPid));
}

function stageState(): StageState {
  const text = Deno.env.get(STATE_VARIABLE);
  if (text) return JSON.parse(text) as StageState;
  throw new Error("there is no lab: start these tests by `deno task test:tunnel` or `test:api`");
}
