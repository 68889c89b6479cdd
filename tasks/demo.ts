/**
 * `deno task demo`: a hub and three spokes on this machine, with real tunnels, as namespaces that are
 * gone afterwards. Installs what it needs (Debian) and says so. Exit status 0 if all worked, 1 if not, 2
 * if it cannot run here, 130 or 143 if it was stopped.
 */
import { messageOf, UserError } from "../lib/user_error.ts";
import { canMakeNamespaces, kernelHasWireGuard } from "../tests/lab/kernel.ts";
import { ensurePackages, HOST_PACKAGES, USERSPACE_PACKAGES } from "../tests/lab/packages.ts";
import { runInNamespaces } from "../tests/lab/uml.ts";
import { bundle, DIST } from "./bundle.ts";
import { READ_PEERS } from "./demo/read_peers.ts";
import { STAGE } from "./demo/stage.ts";
import { StepLog } from "./demo/step_log.ts";
import { PROGRAMS } from "./permissions.ts";
import { run } from "./run.ts";

/** After that long, it has failed: milliseconds. */
const LIMIT = 180_000;
/** Of what the lab needs, what the demo needs. */
const PACKAGES = HOST_PACKAGES.filter(({ name }) =>
  ["util-linux", "iproute2", "iputils-ping"].includes(name)
);

const begin = Date.now();
const colour = Deno.stdout.isTerminal() && !Deno.noColor;
const log = new StepLog({
  write: (text) => void Deno.stdout.writeSync(new TextEncoder().encode(text)),
  now: Date.now,
  begin,
  colour,
});

/** Ends with the signal that stopped us, if any did. */
const stop = new AbortController();
let stopped: Deno.Signal | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => {
    stopped ??= signal;
    stop.abort();
  });
}

async function demo(): Promise<number> {
  if (Deno.build.os !== "linux") throw new UserError("it needs Linux: WireGuard and namespaces");
  if (Deno.uid() !== 0) {
    throw new UserError("it makes network namespaces and tunnels: run it as root");
  }
  await unlessStopped(prepare());
  log.step("into namespaces of its own: nothing of this machine's network is touched");
  const stage = ["--frozen", "--cached-only", "--no-check", "-A", STAGE];
  const code = await runInNamespaces(
    [Deno.execPath(), "run", ...stage, `${begin}`, colour ? "colour" : "plain"],
    {
      env: Deno.env.toObject(),
      cwd: Deno.cwd(),
      results: Deno.cwd(),
      timeoutMs: LIMIT,
      signal: stop.signal,
      stream: Deno.stdout,
    },
  );
  stop.signal.throwIfAborted();
  if (code === undefined) throw new Error(`no end within ${LIMIT / 1000} s`);
  log.step("cleaned up: the namespaces are gone, and with them all that ran in them");
  return code;
}

/** Installs and builds what the demo needs; from here on it needs no network. */
async function prepare(): Promise<void> {
  const say = (text: string) => log.step(text);
  await ensurePackages(PACKAGES, say);
  if (!await canMakeNamespaces()) {
    throw new UserError(
      "this root may not make namespaces: in a container, start that with --privileged",
    );
  }
  if (await kernelHasWireGuard()) log.step("this kernel has WireGuard: the tunnels are its own");
  else {
    log.step("this kernel has no WireGuard: the tunnels are those of wireguard-go");
    if (!await Deno.stat("/dev/net/tun").then(() => true, () => false)) {
      throw new UserError(
        "wireguard-go needs /dev/net/tun: `modprobe tun`, or give it to the container",
      );
    }
    await ensurePackages(USERSPACE_PACKAGES, say);
  }
  log.step("bundling hub and spoke");
  for (const program of PROGRAMS) await bundle(program, DIST);
  await run(Deno.execPath(), ["cache", "--quiet", "--frozen", STAGE, READ_PEERS]);
}

async function unlessStopped(work: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const give = () => reject(stop.signal.reason);
  stop.signal.addEventListener("abort", give, { once: true });
  await Promise.race([work, promise]);
}

async function main(): Promise<number> {
  try {
    const code = await demo();
    if (code === 0) log.good("the demo has worked");
    else log.bad("the demo has FAILED");
    return code === 0 ? 0 : 1;
  } catch (error) {
    if (stopped !== undefined) {
      log.bad(`stopped by ${stopped}; nothing is left`);
      return stopped === "SIGINT" ? 130 : 143;
    }
    const isUsers = error instanceof UserError;
    Deno.stderr.writeSync(new TextEncoder().encode(`demo: ${messageOf(error)}\n`));
    return isUsers ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main());
