import { assertEquals } from "@std/assert";
import { nodeNameOf } from "../../lib/contract/node_name.ts";

Deno.test("a machine's Node has the name that its kubelet makes of the host name", () => {
  const table = {
    "edge-1": "edge-1",
    "EDGE-1.Example": "edge-1.example",
    " edge-1\n": "edge-1",
  };
  for (const [hostname, name] of Object.entries(table)) assertEquals(nodeNameOf(hostname), name);
});
