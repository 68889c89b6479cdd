import { type AnnotationKeys, MARKED } from "../../contract/annotation_keys.ts";
import { claimOf } from "../../contract/claim.ts";
import type { NodeView } from "../../contract/node.ts";
import type { PublicKey } from "../../wireguard/key.ts";
import { failed, type Finding, ok, skipped } from "../finding.ts";

/** What the own Node says, and what this machine has. */
export interface OwnNodeFacts {
  readonly role: "hub" | "peer";
  readonly nodeName: string;
  readonly keys: AnnotationKeys;
  /** Null if there is none of that name; undefined if the API did not tell. */
  readonly node: NodeView | null | undefined;
  /** That of the interface; undefined without one. */
  readonly publicKey: PublicKey | undefined;
}

/**
 * The own Node must bear the label and the annotations that others look for, and this machine's key.
 * What else it says is not compared with options: whoever asks the doctor may not have given them.
 */
export function checkOwnNode(facts: OwnNodeFacts): Finding {
  const { role, nodeName, keys, node, publicKey } = facts;
  if (node === undefined) return skipped("the API did not tell");
  if (node === null) {
    return failed(
      `there is no Node ${nodeName}`,
      "does the kubelet run? kubectl get nodes; if it has another name there: --node-name (NODE_NAME)",
    );
  }
  const program = role === "hub" ? "hub" : "spoke";
  const start =
    `does the ${program} run? Its log says what the API refuses; see the checks of rights ` +
    "and of the API, and --annotation-prefix";
  if (node.labels[keys[role]] !== MARKED) {
    return failed(
      `${nodeName} has no label ${keys[role]}`,
      role === "hub"
        ? `kubectl label node ${nodeName} ${keys.hub}=${MARKED}, as an administrator`
        : start,
    );
  }
  const claim = claimOf(node, keys);
  if (!claim.publicKey) {
    return failed(`${nodeName} has published no key in ${keys.publicKey}`, start);
  }
  if (publicKey && claim.publicKey !== publicKey) {
    return failed(
      `${nodeName} says another key in ${keys.publicKey} than the interface has`,
      start,
    );
  }
  if (role === "hub" && !claim.endpoint) {
    const external = node.status?.externalIPs.length ?? 0;
    return failed(
      `${nodeName} says no endpoint: spokes cannot find this hub` +
        (external > 0
          ? ""
          : "; it has no ExternalIP, which is taken where --endpoint is not given"),
      "give --endpoint=ADDRESS:PORT (WG_ENDPOINT) in the DaemonSet's args",
    );
  }
  if (!claim.allowedIPs?.length) {
    return failed(`${nodeName} names no prefixes in ${keys.allowedIPs}`, start);
  }
  const endpoint = role === "hub" ? ", endpoint" : "";
  return ok(`${nodeName} has label, key${endpoint} and allowed-ips`);
}
