import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import type { HubView } from "../../lib/page/hub_view.ts";
import { escapeHtml, html, Markup } from "../../lib/page/markup.ts";
import { rowIdOf } from "../../lib/page/peer_text.ts";
import { GRID, RING } from "../../lib/page/render_map.ts";
import { changedRegions, renderPage, renderRegions } from "../../lib/page/render_page.ts";
import { PEERS, REFUSALS } from "../../lib/page/render_tables.ts";
import type { PeerStatus } from "../../lib/status/status_report.ts";
import style from "../../lib/page/page.css" with { type: "text" };
import { hubView } from "./hub_views.ts";
import { propertyRuns } from "./property_runs.ts";

/** A tag with its attributes, all of them in double quotes, as this page writes them. */
const TAG = /<\/?([a-z][a-z0-9]*)((?:\s+[a-z-]+="[^"]*")*)\s*\/?>/gi;

/** The elements of HTML and the names of their attributes, without any text; the whole must be read. */
function structureOf(text: string): string[] {
  const rest = text.replaceAll(TAG, "");
  assert(!/[<>]/.test(rest), `not a tag: ${/.{0,40}[<>].{0,40}/s.exec(rest)?.[0]}`);
  return [...text.matchAll(TAG)].map(([tag, name, attributes]) => {
    const names = [...attributes!.matchAll(/\s([a-z-]+)="/gi)].map(([, one]) => one).join(" ");
    return `${tag.startsWith("</") ? "/" : ""}${name} ${names}`;
  });
}

/** A hub of whose parts every text is a stranger's. */
function saying(text: string): HubView {
  const plain = hubView(7);
  return {
    ...plain,
    node: text,
    conditions: [{ name: text, ok: false, reason: text }],
    hubs: [{ node: text, active: true, ready: true, refusals: [] }],
    isActive: false,
    peers: plain.peers.map((peer, at) => ({
      ...peer,
      node: `${at}${text}`,
      allowedIPs: [text] as unknown as PeerStatus["allowedIPs"],
      note: text,
    })),
    refusals: plain.refusals.map((one) => ({ ...one, node: text, value: text, reason: text })),
    diary: {
      dropped: 0,
      entries: [{ at: plain.time, level: "warning", text, fields: [[text, text]] }],
    },
  };
}

const hostile = fc.oneof(
  fc.string({ unit: "binary", minLength: 1 }),
  fc.constantFrom(
    "</script><script>alert(1)</script>",
    '" onload="alert(1)',
    "' autofocus onfocus=alert(1) x='",
    "javascript:alert(1)",
    "<!--",
    "&lt;b&gt;",
    "]]>",
    "</style>",
    "`${alert(1)}`",
    "\u202egpj.exe",
  ),
);

Deno.test("whatever Nodes say is text: no element and no attribute of the page comes of it", () => {
  const expected = structureOf(Object.values(renderRegions(saying("x"))).join(""));
  fc.assert(
    fc.property(hostile, (text) => {
      const regions = Object.values(renderRegions(saying(text))).join("");
      assertEquals(structureOf(regions), expected);
      assert(!/[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(regions), "nothing invisible");
    }),
    { numRuns: Math.min(propertyRuns(300), 3000) },
  );
});

Deno.test("what was escaped can be read as it was, but for what is invisible", () => {
  const named: Record<string, string> = {
    "&lt;": "<",
    "&gt;": ">",
    "&amp;": "&",
    "&quot;": '"',
    "&#39;": "'",
    "&#96;": "`",
  };
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const back = escapeHtml(text).replaceAll(/&[a-z0-9#]+;/g, (one) => named[one]!);
    if (!/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) assertEquals(back, text);
  }));
  assertEquals(escapeHtml("a\u202eb\n"), "a\\u{202e}b\\u{000a}");
});

Deno.test("html`` escapes text, and leaves markup alone", () => {
  const inner = html`
    <b>${"<&>"}</b>
  `;
  assertEquals(
    html`
      <p class="${'"'}">${inner}${["x", 1, undefined]}</p>
    `.toString(),
    '<p class="&quot;"><b>&lt;&amp;&gt;</b>x\n1\n</p>',
  );
  assert(inner instanceof Markup);
});

Deno.test("the page stands alone: it names no other place, and is whole without its script", () => {
  const page = renderPage(hubView(12));
  const body = page.slice(page.indexOf("<body>")).replace(/<script>.*<\/script>/s, "");
  assert(!/(?:src|srcset|action|data)="/.test(body));
  const targets = [...body.matchAll(/href="([^"]*)"/g)].map(([, target]) => target!);
  for (const target of targets) assertMatch(target, /^(#.+|\/readyz\?verbose|\/livez\?verbose)$/);
  for (const target of targets.filter((one) => one.startsWith("#"))) {
    assertStringIncludes(body, `id="${target.slice(1)}"`);
  }
  assert(!/https?:/.test(page) && !/ (?:on[a-z]+|style)="/.test(page));
  for (const text of ["edge-13", "100.96.0.3/32", "203.0.113.3:51820", "12 min 34 s ago"]) {
    assertStringIncludes(body, text);
  }
  assertStringIncludes(body, "overlaps 100.96.0.2/32, which node edge-2 holds");
});

/** How often a text stands in another. */
const count = (text: string, part: string) => text.split(part).length - 1;

Deno.test("up to some tens of peers stand around the hub, each in its place; more in a grid alone", () => {
  for (let peers = 1; peers <= RING + 1; peers++) {
    const { map } = renderRegions(hubView(peers));
    assertEquals(count(map, 'class="tile '), peers);
    assertEquals(count(map, 'class="peer '), peers <= RING ? peers : 0);
    const names = [...map.matchAll(/<text x="([\d.]+)" y="([\d.]+)" text-anchor="(start|end)">/g)]
      .map(([, x, y, anchor]) => ({ x: Number(x), y: Number(y), anchor }));
    const height = Number(/viewBox="0 0 \d+ (\d+)"/.exec(map)?.[1] ?? 0);
    for (const [at, one] of names.entries()) {
      assert(one.x > 100 && one.x < 660 && one.y > 12 && one.y < height - 12, `${peers}: ${at}`);
      const near = names.filter(({ anchor, y }) =>
        anchor === one.anchor && Math.abs(y - one.y) < 34
      );
      assertEquals(near.length, 1, `${peers}: names overlap`);
    }
  }
});

Deno.test("a hub of very many peers has a page that ends, and says what it leaves out", () => {
  const view = hubView(PEERS + 200);
  const refusals = Array.from({ length: REFUSALS + 5 }, () => view.refusals[0]!);
  const begin = performance.now();
  const regions = renderRegions({ ...view, refusals });
  assert(performance.now() - begin < 3000);
  assertEquals(count(regions.peers, "<tr id="), PEERS);
  assertEquals(count(regions.map, 'class="tile '), GRID);
  assertEquals(count(regions.refusals, "<tr>") - 1, REFUSALS);
  assertStringIncludes(regions.peers, "200 more");
  assertStringIncludes(regions.refusals, "5 more");
  const bytes = new TextEncoder().encode(renderPage({ ...view, refusals })).length;
  assert(bytes < 1_500_000, `${bytes} bytes`);
});

Deno.test("peers that need a look come first, then all by name", () => {
  const { peers } = renderRegions(hubView(30));
  const states = [...peers.matchAll(/<td class="state (\w+)">/g)].map(([, state]) => state!);
  const order = ["refused", "stale", "never", "up"];
  assertEquals(states, states.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)));
  assertEquals(new Set(states).size, 4);
});

Deno.test("the heading says whether the hub is ready and what it lacks, and who is the active one", () => {
  const standing = (parts: Partial<HubView>) =>
    renderRegions(hubView(1, parts)).standing.replaceAll(/<[^>]*>/g, "").replaceAll(/\s+/g, " ");
  assertMatch(standing({}), /ready the active hub Seen 12:00:00 UTC/);
  const conditions = [{ name: "published", ok: false, reason: "no ExternalIP" }];
  assertMatch(standing({ conditions }), /not ready the active hub published: no ExternalIP/);
  const hubs = ["hub-2", "hub-1"].map((node, at) => ({
    node,
    active: at === 0,
    ready: true,
    refusals: [],
  }));
  assertMatch(standing({ isActive: false, hubs }), /stands by for hub-2/);
  assertMatch(standing({ hubs }), /the active one of 2 hubs/);
  const lost = { ...hubView(1).interface, found: false };
  assertMatch(standing({ interface: lost }), /wg0: there is no such WireGuard interface/);
});

Deno.test("a hub without peers, refusals and events says so", () => {
  const { map, refusals, events } = renderRegions(
    hubView(0, { diary: { entries: [], dropped: 0 } }),
  );
  assertStringIncludes(map, "No peers yet");
  assertStringIncludes(refusals, "Nothing is refused.");
  assertStringIncludes(events, "Nothing in the last hour.");
});

Deno.test("an open page is told what has changed, and nothing else", () => {
  const before = renderRegions(hubView(12));
  assertEquals(changedRegions({}, before), before);
  assertEquals(changedRegions(before, renderRegions(hubView(12))), {});
  const now = renderRegions(hubView(12, { refusals: [] }));
  assertEquals(Object.keys(changedRegions(before, now)), ["numbers", "refusals"]);
});

Deno.test("rows have ids of harmless letters, and different peers different ones", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, two) => {
      const [peer] = hubView(1).peers;
      const [a, b] = [one, two].map((node) => rowIdOf({ ...peer!, node }));
      assertMatch(a!, /^peer-[A-Za-z0-9._-]*$/);
      assertEquals(a === b, one === two);
    }),
  );
});

/** The relative luminance of a colour `#rrggbb` (WCAG 2.2). */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

Deno.test("every colour of text stands out from the paper by day and by night (WCAG 2.2 AA)", () => {
  const themes = style.split("prefers-color-scheme: dark");
  assertEquals(themes.length, 2);
  for (const theme of themes) {
    const colours = new Map(
      [...theme.matchAll(/--(\w+): (#[0-9a-f]{6});/g)].map(([, name, colour]) => [name!, colour!]),
    );
    const light = (name: string) => luminance(colours.get(name)!);
    for (const name of ["ink", "soft", "accent", "warn", "bad"]) {
      const [bright, dim] = [light(name), light("paper")].sort((a, b) => b - a);
      const ratio = (bright! + 0.05) / (dim! + 0.05);
      assert(ratio >= 4.5, `${name}: ${ratio.toFixed(2)}`);
    }
  }
});
