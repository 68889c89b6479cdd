import { parseEndpoints, type PeerEndpoints, printEndpoints } from "../wireguard/peer_endpoints.ts";
import { StateFile } from "../reconcile/state_file.ts";

/**
 * Where each peer was last, on disk: after a reboot a hub that does not know it has to wait until a
 * peer speaks, and an idle one does so after two minutes.
 */
export class EndpointFile extends StateFile<PeerEndpoints> {
  /**
   * @param folder the state directory; made if it is missing.
   * @param onTrouble told what is wrong, and undefined when nothing is any more.
   */
  constructor(folder: string, onTrouble: (text: string | undefined) => void) {
    super({
      path: `${folder}/endpoints`,
      print: printEndpoints,
      parse: parseEndpoints,
      otherwise: "the hub waits until its peers speak first",
      onTrouble,
    });
  }
}
