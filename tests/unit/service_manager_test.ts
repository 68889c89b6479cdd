import { assertEquals } from "@std/assert";
import { ServiceManager } from "../../lib/service_manager.ts";

/** A service under a systemd that the test plays. */
function bench(variables: Record<string, string>, fault?: Error) {
  const told: string[] = [];
  const results: unknown[] = [];
  const manager = new ServiceManager({
    env: new Map(Object.entries(variables)),
    pid: 7,
    send: (path, text) => {
      if (fault) throw fault;
      told.push(`${path} ${text}`);
    },
    onResult: (error) => results.push(error),
  });
  return { manager, told, results };
}

const UNDER_SYSTEMD = { NOTIFY_SOCKET: "/run/n", WATCHDOG_USEC: "20000", WATCHDOG_PID: "7" };

/** Keeps it alive until the first beats are over. @returns the number of beats. */
async function beats(variables: Record<string, string>, alive = true): Promise<number> {
  const { manager, told } = bench(variables);
  const end = new AbortController();
  let asked = 0;
  await manager.keepAlive(() => {
    if (++asked === 3) end.abort();
    return alive;
  }, end.signal);
  return told.filter((text) => text === "/run/n WATCHDOG=1").length;
}

Deno.test("systemd is told of readiness, and of a status when it changes", () => {
  const { manager, told, results } = bench(UNDER_SYSTEMD);
  manager.ready();
  manager.ready();
  manager.status("one");
  manager.status("one");
  manager.status("two");
  assertEquals(told, ["/run/n READY=1", "/run/n STATUS=one", "/run/n STATUS=two"]);
  assertEquals(results, [undefined, undefined, undefined]);
});

Deno.test("without systemd nobody is told", async () => {
  const { manager, told } = bench({ WATCHDOG_USEC: "20000" });
  manager.ready();
  manager.status("one");
  await manager.keepAlive(() => true, new AbortController().signal);
  assertEquals(told, []);
});

Deno.test("the watchdog is fed while the service is alive, and by whom it is meant for alone", async () => {
  assertEquals(await beats(UNDER_SYSTEMD), 3);
  assertEquals(await beats({ ...UNDER_SYSTEMD, WATCHDOG_PID: "" }), 3);
  assertEquals(await beats(UNDER_SYSTEMD, false), 0);
  assertEquals(await beats({ ...UNDER_SYSTEMD, WATCHDOG_PID: "8" }), 0);
  assertEquals(await beats({ ...UNDER_SYSTEMD, WATCHDOG_USEC: "soon" }), 0);
});

Deno.test("a systemd that does not listen is a trouble that is told, not one that ends the service", () => {
  const fault = new Error("ECONNREFUSED");
  const { manager, results } = bench(UNDER_SYSTEMD, fault);
  manager.ready();
  assertEquals(results, [fault]);
});
