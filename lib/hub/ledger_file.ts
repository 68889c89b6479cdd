import type { Ledger } from "../contract/ledger.ts";
import { parseLedger, printLedger } from "../contract/ledger_text.ts";
import { StateFile } from "../reconcile/state_file.ts";

/** Who holds what, on disk. */
export class LedgerFile extends StateFile<Ledger> {
  /**
   * @param folder the state directory; made if it is missing.
   * @param onTrouble told what is wrong, and undefined when nothing is any more.
   */
  constructor(folder: string, onTrouble: (text: string | undefined) => void) {
    super({
      path: `${folder}/ledger.json`,
      print: printLedger,
      parse: parseLedger,
      otherwise: "the interface alone tells who holds what",
      onTrouble,
    });
  }
}
