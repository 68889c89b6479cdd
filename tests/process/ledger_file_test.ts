import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Ledger } from "../../lib/contract/ledger.ts";
import { printLedger } from "../../lib/contract/ledger_text.ts";
import { Judge } from "../../lib/hub/judge.ts";
import { LedgerFile } from "../../lib/hub/ledger_file.ts";
import { cidrs, claim, FACTS, judge } from "../unit/claims.ts";

const ledgerOf = (text: string): Ledger => judge([claim(1, text)]).ledger;

/** A ledger file in a folder of its own; what it complained of, `undefined` for nothing more. */
async function withFolder(
  test: (folder: string, open: () => LedgerFile, said: (string | undefined)[]) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const said: (string | undefined)[] = [];
  try {
    await test(folder, () => new LedgerFile(`${folder}/state`, (text) => said.push(text)), said);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a ledger that is saved is read by the next program, from a folder that was missing", () =>
  withFolder(async (folder, open, said) => {
    const file = open();
    assertEquals(await file.read(), undefined);
    assertEquals(said, [], "no file is no trouble");
    file.save(ledgerOf("10.1.0.0/24"));
    await file.settled();
    assertEquals(await open().read(), ledgerOf("10.1.0.0/24"));
    const { mode } = await Deno.stat(`${folder}/state/ledger.json`);
    assertEquals(mode! & 0o777, 0o600);
  }));

Deno.test("of ledgers that are saved in a hurry the last one is what stays", () =>
  withFolder(async (_, open) => {
    const file = open();
    for (let i = 0; i < 50; i++) file.save(ledgerOf(`10.1.${i}.0/24`));
    await file.settled();
    assertEquals([...(await open().read())!.prefixes.keys()], cidrs("10.1.49.0/24"));
  }));

Deno.test("a ledger that has not changed is not written again", () =>
  withFolder(async (folder, open) => {
    const file = open();
    file.save(ledgerOf("10.1.0.0/24"));
    await file.settled();
    const { ino } = await Deno.stat(`${folder}/state/ledger.json`);
    file.save(ledgerOf("10.1.0.0/24"));
    await file.settled();
    const later = open();
    await later.read();
    later.save(ledgerOf("10.1.0.0/24"));
    await later.settled();
    assertEquals((await Deno.stat(`${folder}/state/ledger.json`)).ino, ino);
  }));

Deno.test("a ledger file of garbage is none, which is said, and the next save mends it", () =>
  withFolder(async (folder, open, said) => {
    await Deno.mkdir(`${folder}/state`);
    await Deno.writeTextFile(`${folder}/state/ledger.json`, "{ broken");
    const file = open();
    assertEquals(await file.read(), undefined);
    assertMatch(said[0]!, /state\/ledger\.json is not what it should be/);
    file.save(ledgerOf("10.1.0.0/24"));
    await file.settled();
    assertEquals(said.slice(1), [undefined]);
    assertEquals(
      await Deno.readTextFile(`${folder}/state/ledger.json`),
      printLedger(ledgerOf("10.1.0.0/24")),
    );
  }));

Deno.test("a state folder that cannot be written is said, and tried again with the next save", () =>
  withFolder(async (folder, open, said) => {
    await Deno.writeTextFile(`${folder}/state`, "a file where the folder should be");
    const file = open();
    file.save(ledgerOf("10.1.0.0/24"));
    await file.settled();
    assertMatch(said[0]!, /cannot be written/);
    file.save(ledgerOf("10.1.0.0/24"));
    await file.settled();
    assertEquals(said[1], said[0], "so that it is logged once");
    await Deno.remove(`${folder}/state`);
    file.save(ledgerOf("10.1.0.0/24"));
    await file.settled();
    assertEquals(said.at(-1), undefined);
    assert(await open().read());
  }));

Deno.test("a judge that starts again knows for whom the one before it kept something", () =>
  withFolder(async (stateDir) => {
    const open = () => Judge.open({ stateDir, claimHold: 600 }, undefined, () => {});
    const first = await open();
    first.judge([claim(5, "10.5.0.0/24")], FACTS, 1000);
    first.judge([], FACTS, 2000);
    await first.settled();
    const prefixesAt = async (now: number) => {
      const later = await open();
      const { admitted } = later.judge([claim(1, "10.5.0.0/24")], FACTS, now);
      await later.settled();
      return [...admitted.values()][0]!.allowedIPs;
    };
    assertEquals(await prefixesAt(601_999), []);
    assertEquals(await prefixesAt(602_000), cidrs("10.5.0.0/24"));
  }));
