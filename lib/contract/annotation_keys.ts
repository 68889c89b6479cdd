import { UserError } from "../user_error.ts";

/** The labels and annotations of the contract under one prefix. */
export interface AnnotationKeys {
  readonly prefix: string;
  /** Labels: `"true"` marks a hub, a peer. */
  readonly hub: string;
  readonly peer: string;
  /** Label: `"true"` marks a peer on the hub's own network. */
  readonly member: string;
  /** Label: the name of the site in which a peer is. */
  readonly site: string;
  /** Annotations. */
  readonly publicKey: string;
  readonly endpoint: string;
  readonly allowedIPs: string;
  readonly vpcIP: string;
}

/** The value of the labels that only mark. */
export const MARKED = "true";

/** The value of the peer's label on the Node of a spoke that has left. */
export const UNMARKED = "false";

/**
 * The keys under a prefix such as `wireguard.kube/` or `stretch.azure.com/wireguard-`.
 *
 * @throws {UserError} if `prefix + name` is no qualified name of Kubernetes: an optional DNS
 * subdomain and `/`, then at most 63 letters, digits, `-`, `_`, `.` that begin and end with a
 * letter or digit.
 */
export function annotationKeys(prefix: string): AnnotationKeys {
  const keys = {
    prefix,
    hub: `${prefix}hub`,
    peer: `${prefix}peer`,
    member: `${prefix}member`,
    site: `${prefix}site`,
    publicKey: `${prefix}public-key`,
    endpoint: `${prefix}endpoint`,
    allowedIPs: `${prefix}allowed-ips`,
    vpcIP: `${prefix}vpc-ip`,
  };
  const bad = Object.values(keys).slice(1).find((key) => !isQualifiedName(key));
  if (bad !== undefined) {
    throw new UserError(
      `--annotation-prefix ${JSON.stringify(prefix)} makes ${JSON.stringify(bad)}, which is no ` +
        `legal label key; use a prefix such as wireguard.kube/ or example.com/wireguard-`,
    );
  }
  return keys;
}

function isQualifiedName(key: string): boolean {
  const parts = key.split("/");
  const name = parts.pop()!;
  if (parts.length > 1 || !/^(?=.{1,63}$)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name)) {
    return false;
  }
  const domain = parts[0];
  return domain === undefined ||
    (domain.length <= 253 &&
      /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(domain));
}
