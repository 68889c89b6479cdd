import { backoffDelay, sleep } from "../backoff.ts";
import { UserError } from "../user_error.ts";
import { type Credentials, openCredentials } from "./credentials.ts";
import type { CredentialsOptions } from "./credentials.ts";

/**
 * Opens a credential whose files may still be on their way: a kubelet writes its kubeconfig before
 * the certificate that it names, and a machine may boot long before either. One that cannot be used
 * may still be mended, or be half written: what stands on this machine goes on meanwhile.
 *
 * @param onWait told why it is not ready, each time; undefined at last.
 * @returns undefined if the signal is aborted first.
 */
export async function awaitCredentials(
  options: CredentialsOptions,
  onWait: (reason?: Error) => void,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const credentials = await openCredentials(options, signal);
      onWait();
      return credentials;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof UserError)) throw error;
      onWait(error);
    }
    await sleep(
      backoffDelay(failures, { initialMs: 500, maxMs: 4000, random: Math.random }),
      signal,
    );
  }
}
