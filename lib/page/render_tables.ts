import type { DiaryEntry, DiaryPages } from "../diary.ts";
import { printBytes } from "../status/print_quantity.ts";
import type { PeerStatus } from "../status/status_report.ts";
import type { Refusal } from "../contract/refusal.ts";
import { html, type Markup } from "./markup.ts";
import { handshakeOf, nameOf, placesOf, rowIdOf, STATES } from "./peer_text.ts";

/** So many rows a table has at most: a page of more serves nobody. */
export const PEERS = 1000;
export const REFUSALS = 200;
/** So many addresses and networks of a peer are shown. */
const PLACES = 4;

/** All peers, those first that need a look. */
export function renderPeers(peers: readonly PeerStatus[], now: number): Markup {
  const rank = ({ state }: PeerStatus) => STATES.indexOf(state);
  const rows = peers.toSorted((a, b) => rank(a) - rank(b)).slice(0, PEERS); // and by name
  return html`
    <table aria-labelledby="peers-title">
      <thead>
        <tr>
          <th scope="col">Node</th>
          <th scope="col">State</th>
          <th scope="col">Handshake</th>
          <th scope="col" class="number">Received</th>
          <th scope="col" class="number">Sent</th>
        </tr>
      </thead>
      <tbody>${rows.map((peer) => renderPeer(peer, now))}</tbody>
    </table>
    ${renderMore(peers.length - PEERS)}
  `;
}

function renderPeer(peer: PeerStatus, now: number): Markup {
  const { state, note } = peer;
  const places = placesOf(peer);
  const more = places.length - PLACES;
  return html`
    <tr id="${rowIdOf(peer)}" tabindex="-1">
      <th scope="row">
        <span class="name">${nameOf(peer)}</span>
        <span class="places">
          ${places.slice(0, PLACES).map(renderPlace)} ${more > 0 ? `and ${more} more` : undefined}
          ${note === undefined ? undefined : renderPlace(note)}
        </span>
      </th>
      <td class="state ${state}"><span class="mark"></span>${state}</td>
      <td class="handshake">${handshakeOf(peer, now)}</td>
      <td class="number" data-name="received">${printBytes(peer.rxBytes)}</td>
      <td class="number" data-name="sent">${printBytes(peer.txBytes)}</td>
    </tr>
  `;
}

function renderPlace(place: string): Markup {
  return html`
    <span>${place}</span>
  `;
}

/** What Nodes ask for and do not get. */
export function renderRefusals(refusals: readonly Refusal[]): Markup {
  if (refusals.length === 0) return html`<p class="empty">Nothing is refused.</p>`;
  return html`
    <table aria-labelledby="refusals-title">
      <thead>
        <tr>
          <th scope="col">Node</th>
          <th scope="col">Asks for</th>
          <th scope="col">Why not</th>
        </tr>
      </thead>
      <tbody>${refusals.slice(0, REFUSALS).map(renderRefusal)}</tbody>
    </table>
    ${renderMore(refusals.length - REFUSALS)}
  `;
}

function renderRefusal({ node, subject, value, reason }: Refusal): Markup {
  return html`
    <tr>
      <th scope="row"><span class="name">${node}</span></th>
      <td>${subject} <code>${value}</code></td>
      <td>it ${reason}</td>
    </tr>
  `;
}

function renderMore(more: number): Markup | undefined {
  if (more <= 0) return undefined;
  return html`
    <p class="more">${more} more: <code>hub status</code> lists them all.</p>
  `;
}

/** What the hub has done and met in the last hour, the newest first. */
export function renderEvents({ entries, dropped }: DiaryPages): Markup {
  if (entries.length === 0) return html`<p class="empty">Nothing in the last hour.</p>`;
  const older = html`
    <p class="more">Older ones of this hour are in the log.</p>
  `;
  return html`
    <ol class="events">${entries.map(renderEvent)}</ol>
    ${dropped > 0 ? older : undefined}
  `;
}

function renderEvent({ at, level, text, fields }: DiaryEntry): Markup {
  const time = new Date(at).toISOString();
  const warning = html`
    <span class="level">warning</span>
  `;
  return html`
    <li>
      <time datetime="${time}">${time.slice(11, 19)}</time>
      <span class="said">
        ${level === "warning" ? warning : undefined} ${text} ${fields.map(renderField)}
      </span>
    </li>
  `;
}

function renderField([name, value]: DiaryEntry["fields"][number]): Markup {
  return html`
    <span class="field">${name} <b>${value}</b></span>
  `;
}
