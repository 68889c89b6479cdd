import { printEndpoint } from "../../ip/endpoint.ts";
import { printAge } from "../../status/print_quantity.ts";
import type { PeerStatus } from "../../status/status_report.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import { nameSome } from "../name_some.ts";

/** The peers, as `status` shows them. */
export interface PeerFacts {
  readonly program: "hub" | "spoke";
  readonly listenPort: number;
  /** Undefined if the interface could not be read. */
  readonly peers: readonly PeerStatus[] | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Peers must shake hands. A spoke has nobody else than its hub, so there it is a failure. */
export function checkPeers({ program, listenPort, peers, time }: PeerFacts): Finding {
  if (!peers) return skipped("the interface could not be read");
  const known = peers.filter(({ state }) => state !== "refused");
  const silent = known.filter(({ state }) => state !== "up");
  if (program === "spoke" && known.length === 0) {
    return failed("there is no peer: no hub has been found yet", "see the checks of API and hubs");
  }
  if (silent.length === 0) return ok(known.length === 0 ? "there are none" : `${known.length} up`);
  const found = `${nameSome(silent.map((peer) => `${nameOf(peer)} ${sinceWhen(peer, time)}`))}`;
  if (program === "hub") {
    return warning(
      `${found}; ${known.length - silent.length} of ${known.length} up`,
      `does the spoke run there? Its doctor tells more. UDP port ${listenPort} must be open to this ` +
        "machine in the firewall and the cloud's rules: tcpdump -ni any udp port " + listenPort,
    );
  }
  const [{ endpoint }] = silent as [PeerStatus];
  const at = endpoint ? printEndpoint(endpoint) : "the hub's endpoint";
  const remedy = `UDP to ${at} must pass every firewall between, and the hub must know this ` +
    "machine's key: see hub status";
  return silent.length === known.length ? failed(found, remedy) : warning(found, remedy);
}

function nameOf({ node, publicKey }: PeerStatus): string {
  return node ?? publicKey ?? "a peer";
}

function sinceWhen({ lastHandshake }: PeerStatus, time: number): string {
  return lastHandshake === 0
    ? "has never shaken hands"
    : `was last heard ${printAge(time - lastHandshake)} ago`;
}
