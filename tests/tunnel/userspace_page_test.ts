/** The hub's page in a real browser: that of a hub which runs, and those of larger ones. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import axe from "axe-core";
import type { IpAddress } from "../../lib/ip/address.ts";
import { hubPage } from "../../lib/page/hub_page.ts";
import { answerByPath } from "../../lib/serve_http.ts";
import { Browser, type BrowserPage, type PageOptions } from "../lab/browser.ts";
import { eventually } from "../lab/eventually.ts";
import { HUB, StretchedCluster } from "../lab/stretched_cluster.ts";
import { hubView } from "../unit/hub_views.ts";
import { reaches } from "./join_scenario.ts";

const PAGE = "http://127.0.0.1:9587/";
const WIDE = { width: 1100, height: 900 };
const PHONE = { width: 375, height: 800 };
/** What the pages look like is to be seen here afterwards. */
const PICTURES = `${Deno.cwd()}/dist/results/page`;
const TAB = 9;
const ENTER = 13;

Deno.test("the hub's page shows a hub that runs, and follows it", async (t) => {
  await Deno.mkdir(PICTURES, { recursive: true });
  await using stretched = await StretchedCluster.create({ contained: false });
  const hub = await stretched.addHub();
  const two = await stretched.addSpoke(2);
  await reaches(stretched, two.host, HUB.tunnel);
  const key = (await stretched.published(two.name))["public-key"]!;
  const { prefix } = stretched;
  const addNode = (name: string, said: Record<string, string>) =>
    stretched.addNode(name, {
      labels: { [`${prefix}peer`]: "true" },
      annotations: Object.fromEntries(Object.entries(said).map(([k, v]) => [prefix + k, v])),
    });
  await addNode("edge-8", { "public-key": key, "allowed-ips": "<script>alert(1)</script>" });
  await using browser = await Browser.start((command) => hub.host.commandLine(command));
  await using page = await browser.open(WIDE);

  await t.step("it shows who is up and who is refused, and is live", async () => {
    await page.goto(PAGE);
    await shows(page, /edge-8\s+refused[^]*edge-2[^]*up/);
    await shows(page, /ready the active hub\s+Seen \d\d:\d\d:\d\d UTC · ?live|UTC live/);
    await shows(page, /public-key \S+ it is held by node edge-2/);
    await shows(page, /allowed-ips "<script>alert\(1\)<\/script>" it /);
    await shows(page, /Last hour[^]*peer added\s+node edge-2/);
    await page.screenshot(`${PICTURES}/hub.png`, true);
    assertEquals(await faultsOf(page), []);
  });

  await t.step("what changes shows by itself, and takes neither focus nor place", async () => {
    await page.evaluate(`document.querySelector(".ring a").focus(); globalThis.stays = 1`);
    const focused = await page.evaluate<string>("document.activeElement.getAttribute('href')");
    await addNode("edge-9", { "allowed-ips": "100.96.0.9/32" });
    await shows(page, /edge-9 100\.96\.0\.9\/32[^]*never|edge-9 has published no key yet\s+never/);
    assertEquals(await page.evaluate("globalThis.stays"), 1, "it has not been loaded again");
    assertEquals(await page.evaluate("document.activeElement.getAttribute('href')"), focused);
    assertEquals(await page.evaluate("globalThis.document.querySelectorAll('.ring a').length"), 3);
  });

  await t.step("all of it can be reached by the keyboard, and shows where one is", async () => {
    await page.goto(PAGE);
    const stops = await tabStops(page);
    const places = ["#peers", "#peer-edge-2", "#peer-edge-8", "peers", "refusals", "events"];
    for (const place of places) assert(stops.includes(place), `${place}: ${stops.join(" ")}`);
    assertEquals(stops[0], "#peers", "first of all, past the map");
    await page.evaluate(`document.querySelector(".ring a").focus()`);
    await page.press("Enter", ENTER);
    assertEquals(await page.evaluate("location.hash"), "#peer-edge-2");
  });

  await t.step("without scripts it is a table", async () => {
    await using plain = await browser.open({ ...WIDE, scripts: false });
    await plain.goto(PAGE);
    const text = await textOf(plain);
    for (const part of ["edge-2", "100.96.0.2/32", "is held by node edge-2", "peer added"]) {
      assertStringIncludes(text, part);
    }
    assertEquals(await plain.evaluate("document.getElementById('live').textContent"), "");
    assertEquals(plain.errors, []);
  });

  await t.step("the hub ends while it is open, and the page says so", async () => {
    assertEquals(await hub.process.stop("SIGTERM", 10_000), 0);
    await shows(page, /not live: the hub does not answer/);
  });
});

Deno.test("the page of a larger hub can be read wide and narrow, by day and by night", async (t) => {
  await Deno.mkdir(PICTURES, { recursive: true });
  const stop = new AbortController();
  let peers = 0;
  const answers = () =>
    hubPage({
      read: () => Promise.resolve(hubView(peers)),
      address: { hostname: "127.0.0.1" as IpAddress, port: 0 },
      signal: stop.signal,
    });
  let paths = await answers();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (asked) => answerByPath(asked, paths),
  );
  await using browser = await Browser.start();
  const looks: readonly [string, number, PageOptions][] = [
    ["peers-12", 12, WIDE],
    ["peers-12-dark", 12, { ...WIDE, dark: true }],
    ["peers-12-phone", 12, PHONE],
    ["peers-12-phone-dark", 12, { ...PHONE, dark: true }],
    ["peers-32", 32, WIDE],
    ["peers-40-dark", 40, { ...WIDE, dark: true }],
    ["peers-300", 300, WIDE],
    ["peers-300-phone", 300, PHONE],
  ];
  for (const [name, count, options] of looks) {
    await t.step(name, async () => {
      peers = count;
      paths = await answers(); // one that has read nothing yet
      const isLarge = count > 40; // to look at hundreds of rows takes long, and they are all alike
      await using page = await browser.open(options);
      await page.goto(`http://127.0.0.1:${server.addr.port}/`);
      await page.screenshot(`${PICTURES}/${name}.png`, !isLarge);
      assertEquals(isLarge ? page.errors : await faultsOf(page), []);
      const isRing = count <= 32 && options.width > 700;
      const shown = (selector: string) =>
        page.evaluate(`[...document.querySelectorAll("${selector}")]
          .filter((one) => one.checkVisibility()).length`);
      assertEquals(
        [await shown(".ring a"), await shown(".tile")],
        isRing ? [count, 0] : [0, count],
      );
      const { scrollWidth, clientWidth } = await page.evaluate<
        { scrollWidth: number; clientWidth: number }
      >(
        "(({ scrollWidth, clientWidth }) => ({ scrollWidth, clientWidth }))(document.documentElement)",
      );
      assertEquals(scrollWidth, clientWidth, "nothing stands out on the right");
    });
  }
  stop.abort();
});

/** What people see of a page. */
function textOf(page: BrowserPage): Promise<string> {
  return page.evaluate("document.body.innerText.replaceAll(/[ \\t]+/g, ' ')");
}

/** Waits until the page shows it. */
async function shows(page: BrowserPage, pattern: RegExp): Promise<void> {
  let last = "";
  await eventually(`the page shows ${pattern}`, async () => {
    last = (await textOf(page)).replaceAll(/\s+/g, " ");
    return pattern.test(last) || undefined;
  }, () => last);
}

/** What the console says, and what axe-core finds wrong by WCAG 2.2 A and AA and by good practice. */
async function faultsOf(page: BrowserPage): Promise<string[]> {
  await page.evaluate(`${axe.source}; 0`);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await page.evaluate<string[]>(`axe.run({ runOnly: ${JSON.stringify(tags)} })
    .then(({ violations }) => violations.map(({ id, nodes }) =>
      id + ": " + nodes.slice(0, 3).map(({ html, failureSummary }) => html + failureSummary)))`);
  return [...page.errors, ...found];
}

/** Where the Tab key leads, from the first to the last: links by their targets, others by their ids. */
async function tabStops(page: BrowserPage): Promise<string[]> {
  const stops: string[] = [];
  for (let presses = 0; presses < 60; presses++) {
    await page.press("Tab", TAB);
    const { stop, isSeen } = await page.evaluate<{ stop: string | null; isSeen: boolean }>(`(() => {
      const one = document.activeElement;
      const frame = one.querySelector(".focus");
      const { outlineStyle } = getComputedStyle(one);
      const isSeen = frame ? getComputedStyle(frame).stroke !== "none" : outlineStyle !== "none";
      return { stop: one === document.body ? null : one.getAttribute("href") ?? one.id, isSeen };
    })()`);
    if (stop === null || stops.includes(stop) && stop === stops[0]) break;
    assert(isSeen, `${stop} has the focus, and nobody sees it`);
    stops.push(stop);
  }
  return stops;
}
