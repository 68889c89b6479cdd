import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { nodeAddressesIn } from "../../lib/kubernetes/node_table.ts";

/** As a server answers that is asked for a Table without objects. */
const TABLE = {
  kind: "Table",
  columnDefinitions: ["Name", "Status", "Internal-IP", "External-IP"].map((name) => ({ name })),
  rows: [
    { cells: ["aks-1", "Ready", "10.0.0.5", "<none>"], object: null },
    { cells: ["aks-2", "NotReady", "FD00::7", "203.0.113.9"], object: null },
    { cells: ["aks-3", "Ready", "<none>", "<none>"], object: null },
  ],
};

const read = (json: unknown) => {
  const found = nodeAddressesIn(json);
  return found && Object.fromEntries(found);
};

Deno.test("a Table of Nodes is read by its headings", () => {
  const expected = { "aks-1": ["10.0.0.5"], "aks-2": ["fd00::7", "203.0.113.9"], "aks-3": [] };
  assertEquals<unknown>(read(TABLE), expected);
  const turned = {
    columnDefinitions: TABLE.columnDefinitions.toReversed(),
    rows: TABLE.rows.map(({ cells }) => ({ cells: cells.toReversed() })),
  };
  const addresses = { ...expected, "aks-2": ["fd00::7", "203.0.113.9"] };
  assertEquals<unknown>(read(turned), addresses);
  assertEquals(read({ ...TABLE, rows: null }), {}, "no Node");
});

Deno.test("a Table without one of the columns is none", () => {
  for (const missing of ["Name", "Internal-IP", "External-IP"]) {
    const columnDefinitions = TABLE.columnDefinitions.map(({ name }) =>
      name === missing ? { name: "other" } : { name }
    );
    assertEquals(read({ ...TABLE, columnDefinitions }), undefined, missing);
  }
});

Deno.test("a server that knows no Tables answers whole Nodes, with all their addresses", () => {
  const address = (type: string, address: string) => ({ type, address });
  const addresses = [
    address("InternalIP", "10.0.0.5"),
    address("InternalIP", "fd00::5"),
    address("ExternalIP", "203.0.113.9"),
    address("Hostname", "aks-1"),
  ];
  const items = [{ metadata: { name: "aks-1" }, status: { addresses } }, { metadata: {} }, 7];
  assertEquals<unknown>(read({ kind: "NodeList", items }), {
    "aks-1": ["10.0.0.5", "fd00::5", "203.0.113.9"],
  });
});

Deno.test("nodeAddressesIn() never throws, whatever the server answers", () => {
  const cell = fc.oneof(fc.constantFrom("Name", "Internal-IP", "External-IP", null), fc.anything());
  const table = fc.record({
    columnDefinitions: fc.array(fc.oneof(fc.record({ name: cell }), fc.anything())),
    rows: fc.oneof(fc.array(fc.oneof(fc.record({ cells: fc.array(cell) }), fc.anything()))),
    items: fc.anything(),
  }, { requiredKeys: [] });
  fc.assert(fc.property(fc.oneof(table, fc.anything()), (json) => {
    nodeAddressesIn(json);
  }));
  for (const json of [null, undefined, 1, "x", [], { items: null }]) {
    assertEquals(nodeAddressesIn(json), undefined);
  }
});
