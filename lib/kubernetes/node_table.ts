import { type IpAddress, parseAddress } from "../ip/address.ts";
import { nodeView } from "./node_view.ts";

/** The addresses of Nodes, internal and external, by their names. */
export type NodeAddressMap = ReadonlyMap<string, readonly IpAddress[]>;

/** The columns of a Table of Nodes: meant for people, and so found by their headings. */
const NAME = "Name";
const ADDRESSES = ["Internal-IP", "External-IP"];

/**
 * The addresses in an answer to a list of Nodes, which is a Table, or else a list of whole Nodes. A
 * Table shows the first address of each kind alone.
 *
 * @param json any JSON value.
 * @returns undefined if it is neither, or a Table that lacks a column.
 */
export function nodeAddressesIn(json: unknown): NodeAddressMap | undefined {
  const { columnDefinitions, rows, items } = Object(json) as Readonly<Record<string, unknown>>;
  if (Array.isArray(columnDefinitions)) return addressesInTable(columnDefinitions, rows ?? []);
  if (!Array.isArray(items)) return undefined;
  return new Map(items.flatMap((item) => {
    const node = nodeView(item);
    if (!node) return [];
    return [[node.name, [...node.status?.internalIPs ?? [], ...node.status?.externalIPs ?? []]]];
  }));
}

function addressesInTable(
  columnDefinitions: readonly unknown[],
  rows: unknown,
): NodeAddressMap | undefined {
  const headings = columnDefinitions.map((column) => (Object(column) as { name?: unknown }).name);
  const name = headings.indexOf(NAME);
  const columns = ADDRESSES.map((heading) => headings.indexOf(heading));
  if (name < 0 || columns.includes(-1) || !Array.isArray(rows)) return undefined;
  const found = new Map<string, IpAddress[]>();
  for (const row of rows as readonly unknown[]) {
    const { cells } = Object(row) as { cells?: unknown };
    if (!Array.isArray(cells)) continue;
    const text = (column: number) => String(cells[column]);
    // Where there is none, a cell says "<none>".
    found.set(text(name), columns.flatMap((column) => parseAddress(text(column)) ?? []));
  }
  return found;
}
