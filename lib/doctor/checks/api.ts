import { failed, type Finding, ok, skipped, warning } from "../finding.ts";

/** What came of asking the API server for its version. */
export interface ApiFacts {
  /** Where it is, as the credential says. */
  readonly server?: string;
  /** Why the credential cannot be used. */
  readonly credentialFault?: string;
  /** The HTTP status of the answer; absent if there was none. */
  readonly status?: number;
  /** Why there was no answer. */
  readonly fault?: string;
}

/** The API server must answer, and take the credential. */
export function checkApi({ server, credentialFault, status, fault }: ApiFacts): Finding {
  if (credentialFault !== undefined) return failed(credentialFault);
  if (server === undefined) return skipped("the API server was not asked");
  if (status === undefined) {
    return failed(
      `${server}: ${fault ?? "no answer"}`,
      `see whether the way there is open: curl -k ${server}/version; the tunnel must not be part of it`,
    );
  }
  if (status === 401) {
    return failed(
      `${server} does not take the credential (401)`,
      "it has expired or was revoked, or is another cluster's: see the check of the credential; issue it anew",
    );
  }
  // Who may not read the version is known all the same.
  if (status === 200 || status === 403) return ok(`${server} answers`);
  return warning(`${server} answers ${status}`, "see the API server's own log");
}
