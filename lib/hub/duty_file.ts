import { StateFile } from "../reconcile/state_file.ts";

const ACTIVE = "active\n";
const STANDBY = "standby\n";

/** Whether a hub was the active one when it last knew, on disk: the API may be away when it begins. */
export class DutyFile extends StateFile<boolean> {
  /**
   * @param folder the state directory; made if it is missing.
   * @param onTrouble told what is wrong, and undefined when nothing is any more.
   */
  constructor(folder: string, onTrouble: (text: string | undefined) => void) {
    super({
      path: `${folder}/duty`,
      print: (active) => active ? ACTIVE : STANDBY,
      parse: (text) => text === ACTIVE ? true : text === STANDBY ? false : undefined,
      otherwise: "the hub takes itself for the active one until it has listed the hubs",
      onTrouble,
    });
  }
}
