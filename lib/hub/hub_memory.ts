import type { PeerEndpoints } from "../wireguard/peer_endpoints.ts";
import { DutyFile } from "./duty_file.ts";
import { EndpointFile } from "./endpoint_file.ts";
import { Judge, type JudgeOptions } from "./judge.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import type { OwnTunnel } from "../tunnel/open_tunnel.ts";
import { routesPackets } from "./routes_packets.ts";

/** What a hub keeps in its state directory, so that the next program knows it before any API answers. */
export interface HubMemory {
  /** Knows who held what. */
  readonly judge: Judge;
  /** Where peers were. */
  readonly endpoints: EndpointFile;
  readonly lastEndpoints: PeerEndpoints | undefined;
  /** Whether this was the active hub; undefined: not known. */
  readonly duty: DutyFile;
  readonly wasActive: boolean | undefined;
}

/** Reads what the last program knew when it ended. What cannot be read is told, and does not count. */
export async function openHubMemory(
  options: JudgeOptions & { readonly interface: string },
  { found, network }: Pick<OwnTunnel, "found" | "network">,
  says: Pick<LoopLog, "troubleOf">,
): Promise<HubMemory> {
  const { stateDir } = options;
  const judge = await Judge.open(options, found, says.troubleOf("ledger"));
  const endpoints = new EndpointFile(stateDir, says.troubleOf("endpoints"));
  const lastEndpoints = await endpoints.read();
  const duty = new DutyFile(stateDir, says.troubleOf("duty"));
  const written = await duty.read();
  // No route goes before the hubs have been listed, though it may not have been possible to write.
  const wasActive = routesPackets(network, options.interface) || written;
  return { judge, endpoints, lastEndpoints, duty, wasActive };
}
