import type { Refusal } from "../contract/refusal.ts";
import type { DiaryPages } from "../diary.ts";
import type { Condition } from "../health.ts";
import type { HubStatus, PeerStatus } from "../status/status_report.ts";
import type { PublicKey } from "../wireguard/key.ts";

/** A hub at one moment, as its page shows it. Nothing in it is secret. */
export interface HubView {
  readonly node: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly version: string;
  /** Whether it is the hub that everybody uses. */
  readonly isActive: boolean;
  /** What must hold for it to be ready. */
  readonly conditions: readonly Condition[];
  readonly interface: {
    readonly name: string;
    /** Whether it is there and can be read. */
    readonly found: boolean;
    readonly publicKey: PublicKey;
    readonly listenPort?: number;
  };
  /** All Nodes that bear the hub's label. */
  readonly hubs: readonly HubStatus[];
  /** Ordered by name. */
  readonly peers: readonly PeerStatus[];
  readonly refusals: readonly Refusal[];
  readonly diary: DiaryPages;
}
