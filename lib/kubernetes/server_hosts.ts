import { parseEndpoint } from "../ip/endpoint.ts";

/** More are not looked at. A server names one for each network that its clients come from. */
const MOST = 16;

/**
 * Where an API server says that it is reached, in its answer to `GET /api` (APIVersions of
 * `k8s.io/apimachinery`, serverAddressByClientCIDRs): addresses, or names.
 *
 * @param json any JSON value.
 */
export function serverHostsIn(json: unknown): string[] {
  const { serverAddressByClientCIDRs: all } = Object(json) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(all)) return [];
  const hosts = (all as readonly unknown[]).slice(0, MOST).flatMap((one) => {
    const { serverAddress } = Object(one) as { serverAddress?: unknown };
    return typeof serverAddress === "string" ? parseEndpoint(serverAddress)?.host ?? [] : [];
  });
  return [...new Set(hosts)];
}
