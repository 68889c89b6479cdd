import { type AnnotationKeys, MARKED } from "../contract/annotation_keys.ts";
import { type Claim, claimOf } from "../contract/claim.ts";
import type { NodeView } from "../contract/node.ts";
import { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";
import {
  type Credentials,
  type CredentialsOptions,
  openCredentials,
} from "../kubernetes/credentials.ts";
import { messageOf } from "../user_error.ts";
import { within } from "../within.ts";
import type { ApiFacts } from "./checks/api.ts";
import type { CiliumFacts } from "./checks/cilium.ts";
import type { Validity } from "./checks/credential.ts";
import type { Right } from "./checks/rights.ts";
import { type NeededRight, readRights } from "./read_rights.ts";
import { validityOf } from "./validity.ts";

/** What the API says, as far as it could be asked: what is undefined could not. */
export interface Cluster {
  readonly api: ApiFacts;
  readonly validity?: Validity;
  /** This clock's lead over the API server's, in ms. */
  readonly skewMs?: number;
  readonly rights: readonly Right[];
  /** The own Node; null if there is none of that name. */
  readonly node?: NodeView | null;
  /** What all peers ask for. */
  readonly claims?: readonly Claim[];
  readonly cilium?: CiliumFacts["config"];
}

/** What is asked. */
export interface ClusterQuestions {
  readonly nodeName: string;
  readonly keys: AnnotationKeys;
  readonly rights: readonly NeededRight[];
}

/** How long the credential, and each request, may take, in ms. Requests are made together, but for the first. */
const CREDENTIAL_LIMIT = 10_000;
const REQUEST_LIMIT = 3_000;

const CILIUM_CONFIG = "/api/v1/namespaces/kube-system/configmaps/cilium-config";

/**
 * Asks the API with the program's own credential. That something cannot be asked is an answer, too.
 *
 * @throws the signal's reason when that is aborted.
 */
export async function readCluster(
  options: CredentialsOptions,
  { nodeName, keys, rights }: ClusterQuestions,
  signal: AbortSignal,
): Promise<Cluster> {
  let credentials: Credentials;
  try {
    credentials = await within(CREDENTIAL_LIMIT, "the credential", openCredentials(options));
  } catch (error) {
    signal.throwIfAborted();
    return { api: { credentialFault: messageOf(error) }, rights: [] };
  }
  await using api = new ApiClient(credentials, { requestTimeoutMs: REQUEST_LIMIT });
  const first = await askVersion(credentials, signal);
  const { status } = first.api;
  if (status === undefined || status === 401) return { ...first, rights: [] };
  const unlessFailed = <T>(answer: Promise<T>) =>
    answer.catch(() => {
      signal.throwIfAborted();
      return undefined;
    });
  const peers = { labelSelector: `${keys.peer}=${MARKED}` };
  const [may, node, list, cilium] = await Promise.all([
    readRights(api, rights, signal),
    unlessFailed(api.getNode(nodeName, signal).then((node) => node ?? null)),
    unlessFailed(api.listNodes(peers, { metadataOnly: true, signal })),
    readCilium(api, signal),
  ]);
  return {
    ...first,
    rights: may,
    ...(node !== undefined && { node }),
    ...(list && { claims: list.nodes.map((node) => claimOf(node, keys)) }),
    cilium,
  };
}

/** By a request of its own: nobody else wants to know the date of an answer, or that of a refusal. */
async function askVersion(
  credentials: Credentials,
  signal: AbortSignal,
): Promise<Pick<Cluster, "api" | "validity" | "skewMs">> {
  using lease = await credentials.lease();
  const { baseUrl: server, headers, client } = lease;
  const validity = validityOf(lease);
  const known = validity && { validity };
  const begin = Date.now();
  try {
    const response = await fetch(`${server}/version`, {
      client,
      headers,
      redirect: "manual", // a credential follows nobody
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT)]),
    });
    const end = Date.now();
    await response.text();
    const date = Date.parse(response.headers.get("date") ?? "");
    return {
      api: { server, status: response.status },
      ...known,
      // The date of an answer is cut to whole seconds: on the average it is half a second later.
      ...(!Number.isNaN(date) && { skewMs: (begin + end) / 2 - (date + 500) }),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { api: { server, fault: faultOf(error) }, ...known };
  }
}

function faultOf(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return `no answer for ${REQUEST_LIMIT / 1000} s`;
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return messageOf(cause).replace(/^error sending request for url \(\S*\): /, "");
}

async function readCilium(api: ApiClient, signal: AbortSignal): Promise<CiliumFacts["config"]> {
  try {
    const answer = await api.send({ path: CILIUM_CONFIG, signal }) as { data?: unknown } | null;
    return Object.fromEntries(
      Object.entries(answer?.data ?? {}).filter((entry): entry is [string, string] =>
        typeof entry[1] === "string"
      ),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ApiError)) return undefined;
    return error.status === 404 ? "absent" : "unreadable";
  }
}
