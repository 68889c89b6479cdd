import { activeHub } from "../contract/active_hub.ts";
import type { AnnotationKeys } from "../contract/annotation_keys.ts";
import type { Diary } from "../diary.ts";
import type { HealthState } from "../health.ts";
import type { NodeWatcher } from "../kubernetes/node_watcher.ts";
import type { MetricsSources } from "../metrics/metrics.ts";
import type { HubSigns } from "../hub/hub_health.ts";
import type { PeerAdmission } from "../hub/peer_admission.ts";
import { hubPeers } from "../status/hub_peers.ts";
import { hubsOf } from "../status/hubs_of.ts";
import { VERSION } from "../version.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { HubView } from "./hub_view.ts";

/** What of a hub is looked at: a HubPipeline has it all. */
export interface SeenHub {
  readonly signs: Pick<HubSigns, "isActive">;
  readonly sources: Pick<MetricsSources, "interface" | "read" | "now">;
  readonly watches: { readonly hubs: Pick<NodeWatcher, "nodes"> };
  readonly admission: Pick<PeerAdmission, "judged">;
}

/** What a view is made of. */
export interface HubViewParts {
  readonly hub: SeenHub;
  readonly node: string;
  readonly keys: AnnotationKeys;
  readonly publicKey: PublicKey;
  readonly health: Pick<HealthState, "readyz">;
  readonly diary: Pick<Diary, "read">;
}

/** The hub as it is now. The kernel alone is asked; an interface that cannot be read counts as none. */
export async function readHubView(
  { hub, node, keys, publicKey, health, diary }: HubViewParts,
): Promise<HubView> {
  const { interface: name, read, now } = hub.sources;
  const device = await read().catch(() => undefined);
  const { watches: { hubs: { nodes } }, admission: { judged } } = hub;
  const time = now();
  return {
    node,
    time,
    version: VERSION,
    isActive: hub.signs.isActive,
    conditions: health.readyz(),
    interface: {
      name,
      found: device !== undefined,
      publicKey,
      ...(device && device.listenPort > 0 && { listenPort: device.listenPort }),
    },
    hubs: hubsOf(activeHub(nodes.values(), keys), [...nodes.values()]),
    peers: hubPeers(device, judged, judged?.judgement.ledger, time),
    refusals: judged?.judgement.refusals ?? [],
    diary: diary.read(),
  };
}
