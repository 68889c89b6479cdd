/** The shipped manifests of members on a real API server: what their tokens are good for. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { sharedLab } from "../lab/shared_lab.ts";
import { legitimateRequestsOfMembers, memberAttacks } from "./policy_members.ts";
import { nodePath, patch } from "./policy_request.ts";
import { NODES, PolicyStage, type Who } from "./policy_stage.ts";
import { allowAll, messageOf, refuseAll, send } from "./policy_steps.ts";
import { temporaryOverlay, withComponents } from "./temporary_overlay.ts";

const PREFIX = "wireguard.kube/";

const isMembers = (component: string) => component.endsWith("/members");

const DEPLOYMENTS = [
  { overlay: "members", prefix: PREFIX },
  { overlay: "azure-prefix", prefix: "stretch.azure.com/wireguard-" },
];

for (const { overlay, prefix } of DEPLOYMENTS) {
  Deno.test(`overlays/${overlay} keeps members, and whoever would be one, to what is theirs`, async (t) => {
    await using lab = await sharedLab();
    await using written = await temporaryOverlay(await withComponents(overlay, isMembers));
    await using stage = await PolicyStage.set(lab.cluster, written.folder, prefix);
    const probe = { metadata: { labels: { "lab.test/probe": "1" } } };
    await stage.answers(422, "member", nodePath(NODES.member), probe);

    await refuseAll(t, stage, memberAttacks(prefix));

    await t.step("a refusal says which Node, and which address it does not have", async () => {
      const annotations = { [`${prefix}allowed-ips`]: "172.16.0.4/32, 100.96.0.7/32" };
      const message = messageOf(
        await send(stage, patch("member", "claims", NODES.member, { annotations })),
      );
      assertStringIncludes(message, `Node ${NODES.member} has none such as 100.96.0.7/32`);
    });

    await t.step("a member's token makes no member of a spoke that has left", async () => {
      const peer = `${prefix}peer`;
      const labelled = (who: Who, labels: Record<string, string>) =>
        send(stage, patch(who, "labels", NODES.edge, { labels }));
      const left = await labelled("edgeKubelet", { [peer]: "false" });
      assertEquals(left.status, 200, messageOf(left));
      const made = await labelled("memberOnEdge", { [peer]: "true", [`${prefix}member`]: "true" });
      assertEquals(made.status, 422, messageOf(made));
    });

    await t.step("a kubelet that takes its spoke's label off is told what to do", async () => {
      const labels = { [`${prefix}peer`]: null };
      const request = patch("edgeKubelet", "takes its label off", NODES.edge, { labels });
      assertStringIncludes(
        messageOf(await send(stage, request)),
        `; a spoke that leaves sets ${prefix}peer=false)`,
      );
    });

    await allowAll(t, stage, legitimateRequestsOfMembers(prefix));

    await t.step(
      "attack: memberOnPlain removes the key of the hub that its Node is now",
      async () => {
        const annotations = { [`${prefix}public-key`]: null };
        const request = patch("memberOnPlain", "removes a key", NODES.plain, { annotations });
        assertEquals((await send(stage, request)).status, 422);
      },
    );
  });
}

Deno.test("members without the policies: then their attacks succeed", async (t) => {
  await using lab = await sharedLab();
  await using written = await temporaryOverlay(
    "resources: [../../overlays/without-policy]\ncomponents: [../../deploy/members]\n",
  );
  await using stage = await PolicyStage.set(lab.cluster, written.folder, PREFIX, {
    policies: false,
  });
  const before = await stage.versions();
  for (const attack of memberAttacks(PREFIX).filter(({ status }) => status === 422)) {
    await t.step(`control: ${attack.who} ${attack.what}`, async () => {
      const answer = await send(stage, attack, "dryRun=All");
      assert(answer.status < 300, messageOf(answer));
    });
  }
  assertEquals(await stage.versions(), before);
});
