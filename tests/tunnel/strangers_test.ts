/** Other prefixes of the keys, and Nodes that say what they should not. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import { eventually } from "../lab/eventually.ts";
import { HUB, StretchedCluster } from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";

const PREFIX = "stretch.azure.com/wireguard-";

Deno.test("a prefix without a slash at its end works, and garbage of one Node harms no other", async (t) => {
  await using stretched = await StretchedCluster.create({ kustomization: "overlays/azure-prefix" });
  const hub = await stretched.addHub();
  const two = await stretched.addSpoke(2);
  await reaches(stretched, two.host, HUB.internal);

  await t.step("the keys are those of the prefix", async () => {
    assertEquals(stretched.prefix, PREFIX);
    const { metadata } = await stretched.admin.expect("GET", `/api/v1/nodes/${HUB.node}`) as {
      metadata: { labels: Record<string, string>; annotations: Record<string, string> };
    };
    assertEquals(metadata.labels[`${PREFIX}hub`], "true");
    assertEquals(metadata.annotations[`${PREFIX}endpoint`], `${HUB.external}:51820`);
  });

  const { publicKey } = await generatePrivateKey();
  const bad = {
    "bad-key": { "public-key": "not a key\nPostUp = touch /pwned", "allowed-ips": "100.96.9.1/32" },
    "bad-cidr": {
      "public-key": publicKey,
      "allowed-ips": "100.96.9.2/32,100.96.9.3/99,\u202e100.96.0.2/32,0.0.0.0/0",
    },
    "bad-endpoint": {
      "public-key": (await generatePrivateKey()).publicKey,
      "allowed-ips": "100.96.9.4/32",
      endpoint: "[::1]:0\nEndpoint = 192.0.2.1:1",
    },
  };

  await t.step("what is good of a bad Node is taken, and the rest is refused", async () => {
    for (const [name, annotations] of Object.entries(bad)) {
      await stretched.addNode(name, {
        labels: { [`${PREFIX}peer`]: "true" },
        annotations: Object.fromEntries(
          Object.entries(annotations).map(([key, value]) => [`${PREFIX}${key}`, value]),
        ),
      });
    }
    const shown = await eventually("three peers", async () => {
      const text = await hub.host.run(["wg", "show", "wg0", "allowed-ips"]);
      return text.includes("100.96.9.2") && text.includes("100.96.9.4") ? text : undefined;
    }, () => stretched.logs());
    assertEquals(shown.trim().split("\n").map((line) => line.split("\t")[1]).sort(), [
      "100.96.0.2/32",
      "100.96.9.2/32",
      "100.96.9.4/32",
    ]);
  });

  await t.step("the other tunnel works as before", async () => {
    await reaches(stretched, two.host, HUB.tunnel);
    await reaches(stretched, hub.host, "100.96.0.2");
  });

  await t.step("each fault is logged once, in one line, with its Node", async () => {
    // Events that change nothing make the hub look again: it must not say it again.
    await stretched.annotate("bad-key", { "unrelated": "1" });
    await stretched.annotate("bad-cidr", { "unrelated": "1" });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const lines = hub.process.output.split("\n").filter((line) => line.includes("refused"));
    const faults = (node: string) => lines.filter((line) => line.includes(`node=${node} `));
    assertEquals(faults("bad-key").length, 1, lines.join("\n"));
    assertStringIncludes(faults("bad-key")[0]!, "subject=public-key");
    assertEquals(faults("bad-cidr").length, 3, lines.join("\n"));
    assertEquals(faults("bad-endpoint").length, 1, lines.join("\n"));
    assertEquals(hub.process.output.includes("\nPostUp"), false);
    assertEquals(hub.process.output.includes("\u202e"), false);
  });
});
