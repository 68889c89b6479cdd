import { printEndpoint } from "../ip/endpoint.ts";
import type { Refusal } from "../contract/refusal.ts";
import { VERSION } from "../version.ts";
import { printAge, printBytes } from "./print_quantity.ts";
import type {
  ApiStatus,
  HubStatus,
  InterfaceStatus,
  PeerStatus,
  Standing,
  StatusReport,
} from "./status_report.ts";
import { textTable } from "./text_table.ts";

const HEAD = ["NODE", "STATE", "ENDPOINT", "ALLOWED IPS", "HANDSHAKE", "RECEIVED", "SENT"];
const NODE_COLUMN = 0;
const STATE_COLUMN = 1;
/** So many prefixes of a peer, and refusals of a Node, are shown: one must not push away all others. */
const SHOWN = 4;

/** SGR parameters of ECMA-48: the colours that every terminal has. */
const COLOURS: Readonly<Record<PeerStatus["state"], string>> = {
  up: "32",
  stale: "33",
  never: "33",
  refused: "31",
};
const RED = "31";
const BOLD = "1";

type Paint = (text: string, sgr: string | undefined) => string;

/**
 * A status for people: what this machine is, its peers, and what is wrong.
 *
 * @param colour whether the text may hold escape sequences.
 * @returns lines, each with its line feed.
 */
export function renderStatus(report: StatusReport, colour = false): string {
  const paint: Paint = (text, sgr) => colour && sgr ? `\x1b[${sgr}m${text}\x1b[0m` : text;
  const lines = [
    ...header(report, paint),
    "",
    ...peerLines(report, paint),
    ...refusalLines(report, paint),
    ...report.troubles.map((text) => paint(text, RED)),
    "",
    summary(report.peers),
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

function header(report: StatusReport, paint: Paint): string[] {
  const { program, node, standing, interface: { publicKey, addresses }, hubs } = report;
  const printed = addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  const rows: [string, string][] = [
    [program, `${node}: ${printStanding(standing, paint)}`],
    ["interface", printInterface(report.interface, paint)],
    ["addresses", printed.join(" ") || "none"],
    ["key", publicKey ?? "none"],
    ["API", printApi(report.api, paint)],
    ["hubs", hubs.map(printHub).join(", ") || (report.api.ok ? "none" : "unknown")],
    ["version", VERSION],
  ];
  return textTable(rows, (cell, _, column) => column === 0 ? paint(cell, BOLD) : cell);
}

function printStanding({ state, reasons }: Standing, paint: Paint): string {
  const good = state === "ready" || state === "registered";
  return [paint(state, good ? COLOURS.up : COLOURS.stale), ...reasons].join("; ");
}

function printInterface(
  { name, found, up, backend, mtu, listenPort }: InterfaceStatus,
  paint: Paint,
): string {
  if (!found) return `${name}: ${paint("there is no such WireGuard interface", RED)}`;
  const state = up ? paint("up", COLOURS.up) : paint("down", RED);
  return `${name}: ${state}, ${backend}, MTU ${mtu}, port ${listenPort}`;
}

function printApi({ ok, server, reason }: ApiStatus, paint: Paint): string {
  const outcome = ok ? paint("answers", COLOURS.up) : paint(reason ?? "does not answer", RED);
  return server === undefined ? outcome : `${server}: ${outcome}`;
}

function printHub({ node, active, ready }: HubStatus): string {
  const traits = [...(active ? ["active"] : []), ...(ready ? [] : ["not Ready"])];
  return traits.length > 0 ? `${node} (${traits.join(", ")})` : node;
}

function peerLines({ peers, time }: StatusReport, paint: Paint): string[] {
  if (peers.length === 0) return ["no peers"];
  const rows = peers.map((peer) => [
    nameOf(peer),
    peer.state,
    peer.endpoint ? printEndpoint(peer.endpoint) : "-",
    printSome(peer.allowedIPs) || "-",
    peer.lastHandshake === 0 ? "-" : `${printAge(time - peer.lastHandshake)} ago`,
    printBytes(peer.rxBytes),
    printBytes(peer.txBytes),
  ]);
  return textTable([HEAD, ...rows], (cell, row, column) => {
    if (row === 0) return paint(cell, BOLD);
    if (column === STATE_COLUMN) return paint(cell, COLOURS[peers[row - 1]!.state]);
    return column === NODE_COLUMN ? paint(cell, BOLD) : cell;
  });
}

/** What is wrong with Nodes: those of the peers, and hubs that are no peers. */
function refusalLines({ peers, hubs }: StatusReport, paint: Paint): string[] {
  const refused = ({ node, subject, value, reason }: Refusal) =>
    `${paint(node, BOLD)}: ${subject} ${value} is ${paint("refused", RED)}: ${reason}`;
  const refusalsOf = ({ node, refusals }: { node?: string; refusals: readonly Refusal[] }) => [
    ...refusals.slice(0, SHOWN).map(refused),
    ...(refusals.length > SHOWN
      ? [
        `${paint(node ?? "-", BOLD)}: ${refusals.length - SHOWN} more are ` +
        `${paint("refused", RED)}: --output=json lists them`,
      ]
      : []),
  ];
  const lines = peers.flatMap((peer) => [
    ...(peer.note === undefined ? [] : [`${paint(nameOf(peer), BOLD)}: ${peer.note}`]),
    ...refusalsOf(peer),
  ]);
  const ofHubs = hubs.flatMap(refusalsOf);
  const all = [...new Set([...lines, ...ofHubs])];
  return all.length > 0 ? ["", ...all] : [];
}

function printSome(prefixes: readonly string[]): string {
  const more = prefixes.length - SHOWN;
  return prefixes.slice(0, SHOWN).join(" ") + (more > 0 ? ` and ${more} more` : "");
}

function nameOf({ node, publicKey }: PeerStatus): string {
  return node ?? publicKey ?? "-";
}

function summary(peers: readonly PeerStatus[]): string {
  const states = ["up", "stale", "never", "refused"] as const;
  const counts = states.flatMap((state) => {
    const count = peers.filter((peer) => peer.state === state).length;
    return count > 0 ? [`${count} ${state}`] : [];
  });
  const total = `${peers.length} ${peers.length === 1 ? "peer" : "peers"}`;
  return counts.length > 0 ? `${total}: ${counts.join(", ")}` : total;
}
