import { printEndpoint } from "../ip/endpoint.ts";
import { VERSION } from "../version.ts";
import type { PeerStatus, StatusReport } from "./status_report.ts";

/**
 * A status for programs: a JSON value whose fields are named as those of the log. Times are ISO 8601,
 * null where there is none; ages are whole seconds.
 */
export function statusJson(report: StatusReport): unknown {
  const { time, interface: { addresses, ...found }, peers } = report;
  return {
    ...report,
    time: isoTime(time),
    version: VERSION,
    interface: {
      ...found,
      addresses: addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    },
    peers: peers.map((peer) => peerJson(peer, time)),
  };
}

function peerJson({ node, publicKey, endpoint, lastHandshake, ...peer }: PeerStatus, now: number) {
  const shaken = lastHandshake > 0;
  return {
    node: node ?? null,
    publicKey: publicKey ?? null,
    ...peer,
    endpoint: endpoint ? printEndpoint(endpoint) : null,
    lastHandshake: shaken ? isoTime(lastHandshake) : null,
    handshakeAge: shaken ? Math.max(0, Math.round((now - lastHandshake) / 1000)) : null,
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
