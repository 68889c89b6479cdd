import { sleep } from "../backoff.ts";
import { type AnnotationKeys, annotationKeys } from "../contract/annotation_keys.ts";
import { ApiClient } from "../kubernetes/api_client.ts";
import { type CredentialsOptions, openCredentials } from "../kubernetes/credentials.ts";
import { backgroundProcess } from "../pid_file.ts";
import { messageOf, UserError } from "../user_error.ts";
import { readKeyFile } from "../wireguard/identity.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import { inspectTunnel, type TunnelOptions } from "../tunnel/open_tunnel.ts";
import { planWithdrawal } from "../contract/publication.ts";
import { PolicyRouting } from "../tunnel/policy_routing.ts";
import { isSpokeOfAnother, runningSpoke } from "./spoke_lock.ts";

/** The options of `spoke down`. */
export interface SpokeDownOptions extends TunnelOptions, CredentialsOptions {
  readonly annotationPrefix: string;
  readonly member: boolean;
}

/** What else of a spoke is on this machine. */
export interface SpokeTraces {
  readonly nodeName: string;
  /** The last known good configuration: the next start would bring the tunnel back from it. */
  readonly configFile: string;
}

/** How long a spoke that runs, and the API, may take, in ms. */
const LIMIT = 10_000;

/**
 * `spoke down`: ends the spoke that runs, takes away the interface with its addresses and routes, the
 * rules, and the registration on the own Node, if the API server can be reached. The key file stays.
 *
 * @throws {UserError} if the interface is somebody else's, or the spoke does not end, or systemd would
 * start it again.
 */
export async function spokeDown(
  options: SpokeDownOptions,
  traces: SpokeTraces,
  says: Pick<LoopLog, "did" | "matter">,
): Promise<void> {
  using own = await inspectTunnel(options);
  const fileKey = options.privateKeyFile && await readKeyFile(options.privateKeyFile);
  const found = await own.tunnel.claim(fileKey || undefined, options.adopt);
  await endRunning(options.interface);
  // The rules first: without the interface they lead nowhere.
  const index = own.network.link(options.interface)?.index;
  const rules = new PolicyRouting(own.network).removeRules(index);
  const isGone = !found || own.tunnel.remove();
  await Deno.remove(traces.configFile).catch(() => {});
  if (isGone) {
    says.did(found ? "interface removed" : "there was no interface", {
      interface: options.interface,
      ...(rules > 0 && { rules }),
    });
  } else says.matter("interface", `it stands: ip link delete ${options.interface}`);
  const keys = annotationKeys(options.annotationPrefix);
  try {
    const removed = await unregister(options, traces.nodeName, keys);
    says.did("registration removed", { node: traces.nodeName, keys: removed.join(",") });
  } catch (error) {
    says.matter(
      "registration",
      `it stands: kubectl label node ${traces.nodeName} ${keys.peer}- ${keys.member}-`,
      {
        reason: messageOf(error),
      },
    );
  }
}

/** A spoke that goes on would put everything back. */
async function endRunning(interfaceName: string): Promise<void> {
  const end = AbortSignal.timeout(LIMIT);
  for (let asked = false;; asked = true) {
    const spoke = await runningSpoke(interfaceName);
    const pid = spoke?.pid ?? await backgroundProcess();
    if (pid === undefined) return;
    // One in the background that could take no lock may be this interface's.
    if (!spoke && await isSpokeOfAnother(pid, interfaceName)) return;
    if (spoke?.isService) {
      throw new UserError(
        `the spoke (process ${pid}) runs under systemd, which would start it again: ` +
          "systemctl disable --now wg-spoke first",
      );
    }
    if (!asked) Deno.kill(pid, "SIGTERM");
    if (end.aborted) throw new UserError(`the spoke that runs (process ${pid}) does not end`);
    await sleep(100, end);
  }
}

async function unregister(
  options: SpokeDownOptions,
  nodeName: string,
  keys: AnnotationKeys,
): Promise<string[]> {
  await using api = new ApiClient(await openCredentials(options));
  const signal = AbortSignal.timeout(LIMIT);
  const node = await api.getNode(nodeName, signal);
  if (!node) return [];
  const patch = planWithdrawal(node, keys, options.member);
  if (patch) await api.patchNode(nodeName, patch, signal);
  return Object.keys({ ...patch?.labels, ...patch?.annotations });
}
