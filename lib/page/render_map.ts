import type { PeerStatus } from "../status/status_report.ts";
import type { HubView } from "./hub_view.ts";
import { html, type Markup } from "./markup.ts";
import { handshakeOf, nameOf, rowIdOf } from "./peer_text.ts";

/** So many peers are drawn around the hub; more are shown as a grid alone. */
export const RING = 32;
/** So many are in the grid; more are in nothing but numbers and `hub status`. */
export const GRID = 1000;
/** How much of a name is drawn. */
const LONGEST_NAME = 22;

// The picture's measures, in its own units: about a pixel each on a wide screen.
const WIDTH = 760;
const ROW = 40;
const LEAST_HEIGHT = 200;
const RADIUS_X = 190;
const MIDDLE = WIDTH / 2;

/**
 * The hub in the middle and its peers around it: a ring that wide screens show, and a grid for phones
 * and for more peers than a ring holds. Each peer leads to its row of the table.
 */
export function renderMap(view: HubView): Markup {
  const { peers, time } = view;
  if (peers.length === 0) {
    return html`<p class="empty">No peers yet: no Node bears the label of a peer.</p>`;
  }
  const isRing = peers.length <= RING;
  const tiles = peers.slice(0, GRID).map((peer) => renderTile(peer, time));
  const more = html`
    <p class="more">${peers.length - GRID} more are not drawn.</p>
  `;
  return html`
    ${isRing ? renderRing(view) : undefined}
    <ul class="tiles ${isRing ? "narrow" : "all"}">${tiles}</ul>
    ${peers.length > GRID ? more : undefined}
  `;
}

function renderTile(peer: PeerStatus, now: number): Markup {
  return html`
    <li>
      <a href="#${rowIdOf(peer)}" class="tile ${peer.state}">
        <span class="mark"></span>
        <span class="name">${nameOf(peer)}</span>
        <span class="note">${stateAndAge(peer, now)}</span>
      </a>
    </li>
  `;
}

interface Place {
  readonly peer: PeerStatus;
  readonly x: number;
  readonly y: number;
  readonly side: 1 | -1;
}

/** Rows to the right and left of the hub, on two arcs: however many there are, no names overlap. */
function placesOf(peers: readonly PeerStatus[], height: number): Place[] {
  const right = Math.ceil(peers.length / 2);
  const middle = height / 2;
  return peers.map((peer, at) => {
    const side = at < right ? 1 : -1;
    const rows = side === 1 ? right : peers.length - right;
    // Clockwise from the top: down on the right, up again on the left.
    const row = side === 1 ? at : peers.length - 1 - at;
    const y = middle + (row - (rows - 1) / 2) * ROW;
    const reach = Math.sqrt(1 - ((y - middle) / (middle + ROW)) ** 2);
    return { peer, side, y, x: MIDDLE + side * RADIUS_X * reach };
  });
}

function renderRing({ peers, node, isActive, time }: HubView): Markup {
  const height = Math.max(LEAST_HEIGHT, Math.ceil(peers.length / 2) * ROW + ROW);
  const places = placesOf(peers, height);
  const middle = height / 2;
  return html`
    <svg class="ring" viewBox="0 0 ${WIDTH} ${height}" role="group"
      aria-label="The hub and its peers">
      <g aria-hidden="true">${places.map((place) => renderLine(place, middle))}</g>
      ${places.map((place) => renderPeer(place, time))}
      <g class="hub ${isActive ? "active" : "stands-by"}">
        <circle cx="${MIDDLE}" cy="${middle}" r="15" />
        <circle class="core" cx="${MIDDLE}" cy="${middle}" r="6" />
        <text x="${MIDDLE}" y="${middle + 34}" text-anchor="middle">${shortened(node)}</text>
      </g>
    </svg>
  `;
}

/** A tunnel: the more has passed, the thicker. */
function renderLine({ peer, x, y, side }: Place, middle: number): Markup | undefined {
  if (peer.state === "refused") return undefined;
  const start = MIDDLE + side * 15;
  const bend = start + side * 80;
  const traffic = Math.log10(1 + (peer.rxBytes + peer.txBytes) / 1e5);
  const width = round(1 + Math.min(2, traffic * 0.5));
  const end = `${bend} ${round(y)} ${round(x - side * 8)} ${round(y)}`;
  const path = `M${start} ${round(middle)}C${bend} ${round(middle)} ${end}`;
  return html`
    <path class="line ${peer.state}" stroke-width="${width}" d="${path}" />
  `;
}

function renderPeer({ peer, x, y, side }: Place, now: number): Markup {
  const { state } = peer;
  const anchor = side === 1 ? "start" : "end";
  const textX = round(x + side * 16);
  const name = shortened(nameOf(peer));
  const said = state === "up" ? handshakeOf(peer, now) : stateAndAge(peer, now);
  const cross = html`
    <path class="cross" d="M${round(x - 3)} ${round(y - 3)}l6 6m0 -6l-6 6" />
  `;
  const frameX = round(side === 1 ? x - 12 : x - 178);
  return html`
    <a href="#${rowIdOf(peer)}" class="peer ${state}">
      <rect class="focus" x="${frameX}" y="${round(y - 17)}" width="190" height="34" rx="6" />
      <circle class="node" cx="${round(x)}" cy="${round(y)}" r="6.5" />
      ${state === "refused" ? cross : undefined}
      <text x="${textX}" y="${round(y - 1)}" text-anchor="${anchor}">${name}</text>
      <text class="note" x="${textX}" y="${round(y + 13)}" text-anchor="${anchor}">${said}</text>
    </a>
  `;
}

function stateAndAge(peer: PeerStatus, now: number): string {
  return peer.lastHandshake === 0 ? peer.state : `${peer.state}, ${handshakeOf(peer, now)}`;
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}

function shortened(name: string): string {
  const characters = [...name];
  const isShort = characters.length <= LONGEST_NAME;
  return isShort ? name : `${characters.slice(0, LONGEST_NAME - 1).join("")}…`;
}
