import type { IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";

/** A Node of the cluster, as far as this program cares. Whatever it says is a stranger's word. */
export interface NodeView {
  readonly name: string;
  readonly uid: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The networks of its pods; absent where it has none, or only the metadata was read. */
  readonly podCidrs?: readonly Cidr[];
  /** Absent where only the metadata was read. */
  readonly status?: NodeStatus;
}

/** What the kubelet and the cloud say of a Node. */
export interface NodeStatus {
  readonly internalIPs: readonly IpAddress[];
  readonly externalIPs: readonly IpAddress[];
  readonly ready: boolean;
}
