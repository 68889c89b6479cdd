import type { PeerEndpoints } from "../wireguard/peer_endpoints.ts";
import { DutyFile } from "./duty_file.ts";
import { EndpointFile } from "./endpoint_file.ts";
import { Judge, type JudgeOptions } from "./judge.ts";
import type { LoopLog } from "./loop_log.ts";
import type { Ownership } from "./take_over.ts";

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
  options: JudgeOptions,
  { found }: Pick<Ownership, "found">,
  says: Pick<LoopLog, "troubleOf">,
): Promise<HubMemory> {
  const { stateDir } = options;
  const judge = await Judge.open(options, found, says.troubleOf("ledger"));
  const endpoints = new EndpointFile(stateDir, says.troubleOf("endpoints"));
  const lastEndpoints = await endpoints.read();
  const duty = new DutyFile(stateDir, says.troubleOf("duty"));
  return { judge, endpoints, lastEndpoints, duty, wasActive: await duty.read() };
}
