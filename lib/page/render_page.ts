import type { PeerStatus } from "../status/status_report.ts";
import type { HubView } from "./hub_view.ts";
import live from "./live.js" with { type: "text" };
import { html, Markup } from "./markup.ts";
import style from "./page.css" with { type: "text" };
import { renderMap } from "./render_map.ts";
import { renderEvents, renderPeers, renderRefusals } from "./render_tables.ts";

/** The parts of the page that change, by the ids of their elements. */
export type Regions = Readonly<Record<RegionName, string>>;
type RegionName = "standing" | "numbers" | "map" | "peers" | "refusals" | "events";

/** The page's only style and script, for its headers to name. */
export const INLINE = { style, script: live } as const;

/** A view as the HTML of the page's parts. */
export function renderRegions(view: HubView): Regions {
  const { peers, refusals, diary, time } = view;
  return {
    standing: renderStanding(view).toString(),
    numbers: renderNumbers(view).toString(),
    map: renderMap(view).toString(),
    peers: renderPeers(peers, time).toString(),
    refusals: renderRefusals(refusals).toString(),
    events: renderEvents(diary).toString(),
  };
}

/** The parts that differ from what was last shown: what a page that is open is told. */
export function changedRegions(shown: Partial<Regions>, now: Regions): Partial<Regions> {
  const changed = Object.entries(now).filter(([name, text]) => shown[name as RegionName] !== text);
  return Object.fromEntries(changed);
}

/** The whole page. It needs nothing from anywhere else, and no script to be read. */
export function renderPage(view: HubView): string {
  const regions = renderRegions(view);
  const [standing, numbers, map] = (["standing", "numbers", "map"] as const)
    .map((name) => Markup.ofOurs(regions[name]));
  const sections = [
    renderSection("peers", "Peers", regions),
    renderSection("refusals", "Refused", regions),
    renderSection("events", "Last hour", regions),
  ];
  const { node, version, interface: { name, publicKey, listenPort } } = view;
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${node} · wg-kube hub</title>
        <link rel="icon" href="data:,">
        <style>${Markup.ofOurs(style)}</style>
      </head>
      <body>
        <a class="skip" href="#peers">To the table of peers</a>
        <header>
          <div>
            <p class="kind">wg-kube hub</p>
            <h1>${node}</h1>
          </div>
          <div id="standing">${standing}</div>
        </header>
        <main>
          <section aria-label="Peers by state"><div id="numbers">${numbers}</div></section>
          <section aria-label="Map"><div id="map">${map}</div></section>
          ${sections}
        </main>
        <footer>
          <dl>
            <div>
              <dt>Interface</dt>
              <dd>${name}${listenPort === undefined ? "" : `, UDP port ${listenPort}`}</dd>
            </div>
            <div>
              <dt>Public key</dt>
              <dd><code>${publicKey}</code></dd>
            </div>
            <div>
              <dt>Version</dt>
              <dd>${version}</dd>
            </div>
            <div>
              <dt>Health</dt>
              <dd><a href="/readyz?verbose">/readyz</a> <a href="/livez?verbose">/livez</a></dd>
            </div>
          </dl>
        </footer>
        <script>${Markup.ofOurs(live)}</script>
      </body>
    </html>
  `.toString();
}

/** A part of the page that may be wider than a screen: it can be scrolled by the keyboard, too. */
function renderSection(name: RegionName, title: string, regions: Regions): Markup {
  const heading = `${name}-title`;
  return html`
    <section aria-labelledby="${heading}">
      <h2 id="${heading}">${title}</h2>
      <div id="${name}" class="scrolls" tabindex="0" role="group" aria-labelledby="${heading}">
        ${Markup.ofOurs(regions[name])}
      </div>
    </section>
  `;
}

/** What the hub is and lacks, and when this was seen. */
function renderStanding(view: HubView): Markup {
  const { conditions, interface: { name, found }, time } = view;
  const faults = conditions.filter(({ ok }) => !ok)
    .map(({ name, reason }) => `${name}: ${reason ?? "does not hold"}`);
  if (!found) faults.push(`${name}: there is no such WireGuard interface`);
  const isReady = conditions.every(({ ok }) => ok);
  const seen = new Date(time).toISOString();
  return html`
    <p>
      <span class="badge ${isReady ? "good" : "bad"}">${isReady ? "ready" : "not ready"}</span>
      <span>${dutyOf(view)}</span>
    </p>
    ${faults.map(renderFault)}
    <p class="aside">
      Seen <time datetime="${seen}">${seen.slice(11, 19)} UTC</time> <span id="live"></span>
    </p>
  `;
}

function dutyOf({ isActive, hubs }: HubView): string {
  if (isActive) return hubs.length > 1 ? `the active one of ${hubs.length} hubs` : "the active hub";
  const active = hubs.find(({ active }) => active)?.node;
  return active === undefined ? "stands by" : `stands by for ${active}`;
}

function renderFault(text: string): Markup {
  return html`
    <p class="fault">${text}</p>
  `;
}

function renderNumbers({ peers, refusals }: HubView): Markup {
  const counts = (["up", "stale", "never", "refused"] as const).map((state) =>
    renderNumber(state, peers.filter((peer) => peer.state === state).length, state)
  );
  return html`
    <dl>${[...counts, renderNumber("claims refused", refusals.length)]}</dl>
  `;
}

function renderNumber(name: string, count: number, state?: PeerStatus["state"]): Markup {
  const mark = html`
    <span class="mark"></span>
  `;
  return html`
    <div class="${state ?? "claims"} ${count === 0 ? "none" : "some"}">
      <dt>${state && mark}${name}</dt>
      <dd>${count}</dd>
    </div>
  `;
}
