import { ApiClient } from "../../lib/kubernetes/api_client.ts";
import { openCredentials } from "../../lib/kubernetes/credentials.ts";
import type { Conformance } from "./conformance_case.ts";
import { CONFORMANCE_CASES } from "./conformance_cases.ts";

/** How long one case may take, in ms. */
const LIMIT = 60_000;

/** A server while a case runs. */
export interface ConformanceServer extends AsyncDisposable {
  /** The path of a kubeconfig whose user may do everything. */
  readonly kubeconfig: string;
}

/** Registers all cases as tests of a server, which is opened for each. */
export function registerConformance(name: string, open: () => Promise<ConformanceServer>): void {
  for (const { name: behaviour, run } of CONFORMANCE_CASES) {
    Deno.test(`${name}: ${behaviour}`, async () => {
      await using server = await open();
      await using api = new ApiClient(await openCredentials({ kubeconfig: server.kubeconfig }));
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(new Error("the case takes too long")), LIMIT);
      const made = new Set<string>();
      try {
        await run(contextOf(api, limit.signal, made));
      } finally {
        for (const node of made) {
          await deleteNode(api, node, limit.signal).catch(() => {}); // the case may have done so
        }
        clearTimeout(timer);
      }
    });
  }
}

function contextOf(api: ApiClient, signal: AbortSignal, made: Set<string>): Conformance {
  const id = crypto.randomUUID().slice(0, 8);
  const label = `conformance.test/${id}`;
  const name = (suffix: string) => `conformance-${id}-${suffix}`;
  return {
    api,
    signal,
    label,
    name,
    async create(suffix, labels = {}) {
      const metadata = { name: name(suffix), labels: { [label]: "true", ...labels } };
      const body = { apiVersion: "v1", kind: "Node", metadata };
      await api.send({ method: "POST", path: "/api/v1/nodes", body, signal });
      made.add(metadata.name);
    },
    delete: (suffix) => deleteNode(api, name(suffix), signal),
  };
}

function deleteNode(api: ApiClient, name: string, signal: AbortSignal): Promise<unknown> {
  return api.send({ method: "DELETE", path: `/api/v1/nodes/${name}`, signal });
}
