import {
  assertEquals,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { ApiClient } from "../../lib/kubernetes/api_client.ts";
import { AccessReader } from "../../lib/kubernetes/cluster_access.ts";
import { CredentialsNotReady, openCredentials } from "../../lib/kubernetes/credentials.ts";
import { realKubeconfig } from "./real_kubeconfig.ts";
import { temporaryKubeconfig } from "./temporary_kubeconfig.ts";

const never = new AbortController().signal;

Deno.test("a kubelet's certificate is waited for, and followed when its symlink is swapped", async () => {
  // The layout of a kubelet: kubeconfig first, then one file of certificate and key behind a symlink.
  const { baseUrl, caCerts, cert, key } = await new AccessReader({ kubeconfig: realKubeconfig() })
    .read();
  const current = "kubelet-client-current.pem";
  await using made = await temporaryKubeconfig({
    cluster: { server: baseUrl, "certificate-authority": "ca.crt" },
    user: { "client-certificate": current, "client-key": current },
  });
  await made.write("ca.crt", caCerts.join("\n"));
  const open = () => openCredentials({ kubeconfig: made.path, rereadMs: 0 });
  await assertRejects(open, CredentialsNotReady, current);

  const link = async (target: string) => {
    await Deno.symlink(`${made.folder}/${target}`, `${made.folder}/next`);
    await Deno.rename(`${made.folder}/next`, `${made.folder}/${current}`);
  };
  await made.write("first.pem", `${cert}\n${key}`);
  await link("first.pem");
  const credentials = await open();
  await using api = new ApiClient(credentials);
  assertEquals(await api.getNode("no-such-node", never), undefined);
  using before = await credentials.lease();

  await link("absent.pem"); // half of a rotation: the last good one goes on
  assertEquals(await api.getNode("no-such-node", never), undefined);
  using meanwhile = await credentials.lease();
  assertStrictEquals(meanwhile.client, before.client);

  await made.write("second.pem", `${key}\n${cert}`);
  await link("second.pem");
  assertEquals(await api.getNode("no-such-node", never), undefined);
  using after = await credentials.lease();
  assertNotStrictEquals(after.client, before.client);
});
