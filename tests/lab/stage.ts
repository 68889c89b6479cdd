/**
 * `stage.ts api|tunnel RESULTS TEST_FILE…`: sets up what the tier's tests share, runs them by
 * `deno test`, takes everything down and ends with their exit status. It runs where the tests run:
 * inside user-mode Linux, or in namespaces of this machine. Several stages with the same folder of
 * results share the files among them: whoever is free takes the next.
 */
import { CapturedOutput } from "./captured_output.ts";
import { Cluster } from "./cluster.ts";
import { progress } from "./command.ts";
import { kubernetesPrograms } from "./kubernetes_programs.ts";
import { LANE_FILE, LANE_VARIABLE, type StageState, STATE_VARIABLE } from "./shared_lab.ts";
import { Underlay } from "./underlay.ts";

/** A file that has not ended after that long, in ms, has failed: the others are to have their turn. */
const FILE_LIMIT = 10 * 60_000;
/** How long to wait for what a test has printed when it has ended, in ms. */
const LAST_WORDS = 10_000;

const API_PORT = 6443;
const API_ADDRESS = "203.0.113.100";
/** The test process's own address on the underlay. */
const OUR_ADDRESS = "203.0.113.250/24";

const [tier, results = "", ...files] = Deno.args;
const folder = await Deno.makeTempDir({ prefix: "wg-kube-cluster-" });
const code = await onStage();
await Deno.remove(folder, { recursive: true });
Deno.exit(code);

async function onStage(): Promise<number> {
  const programs = await kubernetesPrograms();
  const begin = Date.now();
  if (tier === "api") {
    const where = { folder, address: "127.0.0.1", port: API_PORT };
    await using cluster = await Cluster.start({ ...where, programs });
    progress(`cluster ready after ${Date.now() - begin} ms`);
    return await runTests(where, cluster);
  }
  const where = { folder, address: API_ADDRESS, port: API_PORT };
  Deno.env.set(STATE_VARIABLE, JSON.stringify(where)); // from here on this namespace is ours
  await using underlay = await Underlay.create(`${API_ADDRESS}/24`, "2001:db8::64/64");
  await underlay.attachOurselves(OUR_ADDRESS);
  await using cluster = await Cluster.start({ ...where, programs, host: underlay.host });
  progress(`cluster ready after ${Date.now() - begin} ms`);
  return await runTests({ ...where, switchPid: underlay.host.pid }, cluster);
}

async function runTests(state: StageState, cluster: Cluster): Promise<number> {
  const env = {
    [STATE_VARIABLE]: JSON.stringify(state),
    WG_KUBE_TEST_KUBECONFIG: cluster.kubeconfig,
    WG_KUBE_LAB_DIR: folder,
  };
  let worst = 0;
  for (const file of files) {
    const report = `${results}/${file.replaceAll("/", ".")}`;
    if (!await isOurs(report)) continue;
    const { code, output } = await runFile(file, `${report}/junit.xml`, env);
    // In one piece, since several stages may speak.
    progress(`${file}\n${output}`);
    await Deno.writeTextFile(`${report}/output.txt`, output);
    worst = Math.max(worst, code);
    if (code === 0) continue;
    for (const name of ["kube-apiserver.log", "etcd.log"]) {
      await Deno.copyFile(`${folder}/${name}`, `${report}/${name}`).catch(() => {});
    }
  }
  return worst;
}

/** Whoever can make the folder of a file's report runs that file. */
async function isOurs(report: string): Promise<boolean> {
  try {
    await Deno.mkdir(report);
    await Deno.writeTextFile(`${report}/${LANE_FILE}`, Deno.env.get(LANE_VARIABLE) ?? "");
    return true;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.AlreadyExists) return false;
    throw thrown;
  }
}

async function runFile(
  file: string,
  junit: string,
  env: Record<string, string>,
): Promise<{ code: number; output: string }> {
  // The runner has checked the types and fetched all dependencies where there is a network.
  const options = ["-A", "--no-check", "--cached-only", `--junit-path=${junit}`];
  const child = new Deno.Command("setsid", {
    args: ["sh", "-c", 'exec "$@" 2>&1', "sh", Deno.execPath(), "test", ...options, file],
    env,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const output = new CapturedOutput(child.stdout);
  let late = "";
  const timer = setTimeout(() => {
    late = `\n${file}: no end within ${FILE_LIMIT / 60_000} min: killed\n`;
    Deno.kill(-child.pid, "SIGKILL");
  }, FILE_LIMIT);
  const { code } = await child.status;
  clearTimeout(timer);
  await output.end(LAST_WORDS);
  return { code, output: output.text + late };
}
