import { isResolved, parseEndpoint, printEndpoint, type ResolvedEndpoint } from "../ip/endpoint.ts";
import type { Device } from "./device.ts";
import { parsePublicKey, type PublicKey } from "./key.ts";
import type { WantedPeers } from "./plan_device.ts";

/** Where peers are reached. */
export type PeerEndpoints = ReadonlyMap<PublicKey, ResolvedEndpoint>;

/** A reading never changes: what follows from it is found once. */
const KNOWN = new WeakMap<Device, PeerEndpoints>();

/** The endpoints that an interface has, configured or learned; none without an interface. */
export function endpointsOf(device: Device | undefined): PeerEndpoints {
  if (!device) return new Map();
  const known = KNOWN.get(device);
  if (known) return known;
  const endpoints = new Map<PublicKey, ResolvedEndpoint>();
  for (const { publicKey, endpoint } of device.peers.values()) {
    if (endpoint) endpoints.set(publicKey, endpoint);
  }
  KNOWN.set(device, endpoints);
  return endpoints;
}

/** Whether some peer is elsewhere than it was, as far as both readings know it. */
export function haveMoved(before: Device | undefined, now: Device): boolean {
  if (before === now) return false;
  return [...now.peers.values()].some(({ publicKey, endpoint }) => {
    const last = before?.peers.get(publicKey)?.endpoint;
    return endpoint !== undefined && last !== undefined &&
      (endpoint.host !== last.host || endpoint.port !== last.port);
  });
}

/** Whether a peer is to go of which it is not known where it is: it may have spoken since the reading. */
export function goesUnseen(device: Device | undefined, wanted: WantedPeers | undefined): boolean {
  if (!device || !wanted) return false;
  for (const { publicKey, endpoint } of device.peers.values()) {
    if (endpoint === undefined && !wanted.has(publicKey)) return true;
  }
  return false;
}

/** Endpoints as a file holds them: a line each, `key endpoint`, in the order of the keys. */
export function printEndpoints(endpoints: PeerEndpoints): string {
  return [...endpoints].map(([key, endpoint]) => `${key} ${printEndpoint(endpoint)}\n`).sort()
    .join("");
}

/** Reads them back. Undefined for anything that {@linkcode printEndpoints} has not printed. */
export function parseEndpoints(text: string): PeerEndpoints | undefined {
  const endpoints = new Map<PublicKey, ResolvedEndpoint>();
  const lines = text.split("\n");
  if (lines.pop() !== "") return undefined; // broken off
  for (const line of lines) {
    const [key, at, ...rest] = line.split(" ");
    const publicKey = parsePublicKey(key!);
    const endpoint = at === undefined ? undefined : parseEndpoint(at);
    if (!publicKey || !endpoint || !isResolved(endpoint) || rest.length > 0) return undefined;
    endpoints.set(publicKey, endpoint);
  }
  return endpoints;
}
