/** What each fault must do to a hub: rows of the table of faults, with packets flowing. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import { HubBench, isHubs, KEY_FILE } from "../lab/hub_bench.ts";
import { pause } from "../lab/pause.ts";
import type { PublicKey } from "../../lib/wireguard/key.ts";
import { hubOptionsSteps } from "./hub_options_steps.ts";
import { losesNothing } from "./loses_nothing.ts";

const GHOSTS = Array.from({ length: 10 }, (_, index) => index + 1);

/** The longest wait between two attempts to reach the API server, and what is allowed beyond, in ms. */
const IN_STEP = 15_000 + 2000;

/** Until a peer is back that its Node was taken from, in ms: its own timers take 15 s and more. */
const BACK = 5_000;

/** How long the API server does each thing that it should not, in ms. */
const MISBEHAVES = 2500;

// Every row has prefixes of its own: for a while they are kept for those that have gone.
Deno.test("each fault of the hub's table leaves the tunnels of others without a packet lost", async (t) => {
  await using bench = await HubBench.create([
    "--peer-cidrs=10.0.0.0/8,100.64.0.0/10,203.0.113.0/24",
  ]);
  const two = await bench.addPeer(231);
  const three = await bench.addPeer(232);

  /** A row of the table, while packets flow from peer to peer through the hub. */
  const fault = (row: string, during: () => Promise<unknown>) =>
    t.step(row, () =>
      losesNothing(row, {
        hub: bench.host,
        from: two.host,
        to: three.host,
        address: three.address,
      }, during));

  await fault("no fault: a control run loses nothing", () => pause(3000));

  await fault("peer added, changed, removed: other tunnels lose nothing", async () => {
    const keys = await Promise.all(
      GHOSTS.map((one) =>
        bench.addNode(`ghost-${one}`, { "allowed-ips": `10.50.${one}.0/24,10.60.${one}.0/24` })
      ),
    );
    const show = (second: number) =>
      Promise.all(
        GHOSTS.map((one, at) =>
          bench.shows(keys[at]!, [`10.50.${one}.0/24`, `10.${second}.${one}.0/24`])
        ),
      );
    await show(60);
    for (const one of GHOSTS) {
      const prefixes = `10.50.${one}.0/24,10.70.${one}.0/24`;
      await bench.annotate(`ghost-${one}`, { "allowed-ips": prefixes });
    }
    await show(70);
    await bench.deleteNodes(...GHOSTS.map((one) => `ghost-${one}`));
    await bench.showsAll(keys, () => undefined);
  });

  await fault(
    "hub process killed, restarted, upgraded: no tunnel loses anything; peers that left meanwhile go after the first full list",
    async () => {
      const key = await bench.addNode("leaver", { "allowed-ips": "10.52.0.0/24" });
      await bench.shows(key, ["10.52.0.0/24"]);
      await bench.front.shut();
      await bench.process.stop("SIGKILL");
      await bench.deleteNodes("leaver");
      bench.process = bench.startHub();
      await bench.process.waitForLine(/watch of the peers: failed/);
      await pause(1000);
      assertEquals((await bench.peers()).get(key), "10.52.0.0/24");
      bench.openFront();
      await bench.inStep();
      await bench.shows(key, undefined);
      await bench.restart("SIGTERM");
      await bench.inStep();
    },
  );

  await fault(
    "API down, restarted, slow, black-holed, 410, 429, 500, watch silent: tunnels stay; back in step within seconds of recovery; no request storm",
    async () => {
      const key = await bench.addNode("mover", { "allowed-ips": "10.53.0.0/24" });
      await bench.shows(key, ["10.53.0.0/24"]);
      const always = { when: isHubs, times: Infinity };
      const troubles: Record<string, { begin: () => unknown; end?: () => unknown }> = {
        down: { begin: () => bench.front.shut(), end: () => bench.openFront() },
        restarted: {
          begin: async () => {
            await bench.front.shut();
            bench.openFront();
          },
        },
        slow: { begin: () => bench.api.inject({ ...always, delayMs: 2500 }) },
        "black-holed": { begin: () => bench.api.inject({ ...always, hang: true }) },
        "410": { begin: () => bench.api.inject({ ...always, status: 410, reason: "Expired" }) },
        "429": { begin: () => bench.api.inject({ ...always, status: 429, retryAfterSeconds: 1 }) },
        "500": { begin: () => bench.api.inject({ ...always, status: 500 }) },
        // That a watch fell silent is found out after 90 s; here it ends before: what it kept back comes.
        "watch silent": {
          begin: () => bench.api.silenceWatches(),
          end: () => bench.api.endWatches(),
        },
      };
      for (const [at, [name, { begin, end = () => {} }]] of Object.entries(troubles).entries()) {
        await begin();
        if (name !== "watch silent") bench.api.endWatches();
        const before = bench.hubRequests;
        const moved = `10.54.${at}.0/24`;
        await bench.annotate("mover", { "allowed-ips": moved });
        await pause(MISBEHAVES);
        const asked = bench.hubRequests - before;
        await end();
        bench.api.heal();
        const healed = performance.now();
        await bench.shows(key, [moved]);
        const took = performance.now() - healed;
        assertLess(took, IN_STEP, `${name}: ${took} ms\n${bench.log}`);
        assertLess(asked, 30, `${name}: ${asked} requests in ${MISBEHAVES} ms`);
      }
      await bench.deleteNodes("mover");
      await bench.shows(key, undefined);
    },
  );

  await fault("a peer edited by hand: repaired at the next look", async () => {
    const key = await bench.addNode("edited", {
      "allowed-ips": "10.55.0.0/24,10.56.0.0/24",
      endpoint: "203.0.113.77:51820",
    });
    await bench.shows(key, ["10.55.0.0/24", "10.56.0.0/24"]);
    const stranger = (await bench.host.run(["sh", "-c", "wg genkey | wg pubkey"])).trim();
    const set = (...args: string[]) => bench.host.run(["wg", "set", "wg0", "peer", ...args]);
    await set(key, "allowed-ips", "10.57.0.0/24", "persistent-keepalive", "7");
    await set(stranger, "allowed-ips", "10.55.0.0/24");
    await bench.shows(key, ["10.55.0.0/24", "10.56.0.0/24"]);
    await bench.shows(stranger as PublicKey, undefined);
    const keepalives = await bench.host.run(["wg", "show", "wg0", "persistent-keepalive"]);
    assertEquals(keepalives.match(/\S+$/gm), ["off", "off", "off"]);
    await bench.deleteNodes("edited");
  });

  await fault(
    "two nodes with one key, overlapping or hub-covering prefixes, a neighbour's or an endpoint's address claimed, garbage or newlines in any annotation: refused, reported, nobody else touched",
    async () => {
      const before = await bench.peers();
      const liars: Record<string, Record<string, string>> = {
        "one-key": { "public-key": two.publicKey, "allowed-ips": "10.80.0.0/24" },
        overlapping: { "allowed-ips": `${two.address}/32` },
        nested: { "allowed-ips": "100.96.0.224/27" },
        "hub-covering": { "allowed-ips": "100.96.0.1/32" },
        neighbour: { "allowed-ips": "203.0.113.250/32" },
        endpoint: { "allowed-ips": "203.0.113.231/32" },
        "endpoint-inside": { "allowed-ips": "", endpoint: `${three.address}:51820` },
        "bad-key": { "public-key": `${two.publicKey}\nAllowedIPs = 0.0.0.0/0`, "allowed-ips": "" },
        "bad-prefixes": { "allowed-ips": "10.81.0.0/24\nPostUp = true,\u0000,::/0,10.82.0.0/99" },
        "bad-endpoint": { "allowed-ips": "", endpoint: "[::1]:0\nEndpoint = 192.0.2.1:1" },
      };
      for (const [name, said] of Object.entries(liars)) await bench.addNode(name, said);
      for (const name of Object.keys(liars)) {
        await bench.process.waitForLine(new RegExp(`refused what a node asks for.* node=${name} `));
      }
      await eventually("an Event on each of the Nodes", () => {
        const events = JSON.stringify(bench.api.events);
        return Object.keys(liars).every((name) => events.includes(`"name":"${name}"`)) || undefined;
      }, () => JSON.stringify(bench.api.events));
      const after = await bench.peers();
      for (const [key, prefixes] of before) assertEquals(after.get(key), prefixes);
      const theirs = [...after].filter(([key]) => !before.has(key)).map(([, prefixes]) => prefixes);
      assertGreater(theirs.length, 0);
      assert(theirs.every((prefixes) => prefixes === "(none)"), `${theirs}`);
      assertEquals(/\nPostUp|\nAllowedIPs|\nEndpoint/.test(bench.log), false);
      await bench.deleteNodes(...Object.keys(liars));
    },
  );

  await fault(
    "disk full, key file unreadable or malformed: clear error; the old key is never overwritten; the tunnel goes on",
    async () => {
      await bench.process.stop("SIGTERM");
      const folder = "/var/lib/wg-kube";
      const sh = (script: string) => bench.host.run(["sh", "-ec", script]);
      const refuses = async (words: RegExp) => {
        const process = bench.startHub();
        assertEquals(await process.exitCode(), 2, process.output);
        assert(words.test(process.output), process.output);
      };
      const key = await bench.host.readFile(KEY_FILE);
      await sh(`mv ${KEY_FILE} ${folder}/kept; echo garbage > ${KEY_FILE}`);
      await refuses(/private\.key/);
      assertEquals(await bench.host.readFile(KEY_FILE), "garbage\n");
      await sh(`rm ${KEY_FILE}; mkdir ${KEY_FILE}`);
      await refuses(/private\.key/);
      await sh(`rmdir ${KEY_FILE}; mv ${folder}/kept ${KEY_FILE}`);
      // Now the key alone is on a disk that takes nothing more.
      await sh(
        `cp ${KEY_FILE} /run/key; mount -t tmpfs -o size=16k tmpfs ${folder}; cp /run/key ${KEY_FILE};` +
          `dd if=/dev/zero of=${folder}/rest bs=4k 2> /dev/null || true`,
      );
      bench.process = bench.startHub();
      await bench.inStep();
      await bench.addNode("late", { "allowed-ips": "10.58.0.0/24" });
      await bench.process.waitForLine(/cannot be written/);
      assertEquals(await bench.host.readFile(KEY_FILE), key);
      await bench.process.stop("SIGTERM");
      await sh(`umount ${folder}`);
      bench.process = bench.startHub();
      await bench.inStep();
      await bench.deleteNodes("late");
    },
  );

  await fault("node deleted and created again: peer follows", async () => {
    const four = await bench.addPeer(233, ["10.59.0.0/24"]);
    await bench.deleteNodes("peer-233");
    await bench.shows(four.publicKey, undefined);
    await bench.addNode("peer-233", {
      "public-key": four.publicKey,
      "allowed-ips": `${four.address}/32,10.59.0.0/24`,
    });
    const begin = performance.now();
    await bench.shows(four.publicKey, [`${four.address}/32`, "10.59.0.0/24"]);
    await bench.reaches(four);
    const took = performance.now() - begin;
    assertLess(took, BACK, `${took} ms\n${bench.log}`);
  });

  await hubOptionsSteps(t, { bench, two, three, fault });
});
