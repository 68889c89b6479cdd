import { assert, assertEquals } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { HUB } from "../../lib/options/hub_options.ts";
import { SPOKE } from "../../lib/options/spoke_options.ts";
import { type Named, pageFaults } from "./page_faults.ts";

const ROOT = new URL("../../", import.meta.url);
/** What is made, not written. */
const NOT_OURS = new Set([".git", "dist", "node_modules"]);
/** Where the names of variables come from that are no options. */
const SOURCES = /^(lib|tasks|tests|deploy)\/.*\.(ts|sh|yaml|service)$|^(Dockerfile|install\.sh)$/;
/** Flags that pages name without the program that has them. */
const FOREIGN_FLAGS = [
  ...["node-ip", "node-labels", "register-with-taints"], // the kubelet's
  "node-external-ip", // k3s's
  ...["network-plugin", "allowed-host-ports"], // az aks's
];

const filesAndFolders = await tree(ROOT);
const readText = (path: string) => Deno.readTextFile(new URL(path, ROOT));

async function tree(folder: URL, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (NOT_OURS.has(name)) continue;
    found.push(prefix + name);
    if (isDirectory) found.push(...await tree(new URL(`${name}/`, folder), `${prefix}${name}/`));
  }
  return found;
}

async function namedByTheTree(): Promise<Named> {
  const pages = filesAndFolders.filter((path) => path.endsWith(".md"));
  const sources = filesAndFolders.filter((path) =>
    SOURCES.test(path) && !path.startsWith("tests/unit/page_faults")
  );
  const code = (await Promise.all(sources.map(readText))).join("\n");
  const metrics = filesAndFolders.filter((path) => /^lib\/metrics\/.*\.ts$/.test(path));
  const registered = (await Promise.all(metrics.map(readText))).join("\n");
  const installerFlags = [...(await readText("install.sh")).matchAll(/^ {2}--([\w-]+) /gm)]
    .map(([, flag]) => flag!);
  const { tasks }: { tasks: Record<string, unknown> } = JSON.parse(await readText("deno.json"));
  const { prefix, ...keys } = annotationKeys("");
  assertEquals(prefix, "");
  return {
    paths: new Set(filesAndFolders),
    pages: new Map(
      await Promise.all(pages.map(async (path) => [path, await readText(path)] as const)),
    ),
    programs: [HUB, SPOKE],
    foreignFlags: new Set([...FOREIGN_FLAGS, ...installerFlags]),
    variables: (name) => new RegExp(`(?<!\\w)${name}(?!\\w)`).test(code),
    metrics: new Set([...registered.matchAll(/ name: "(w\w+)"/g)].map(([, name]) => name!)),
    tasks: new Set(Object.keys(tasks)),
    // The last is the policy's alone.
    keys: new Set([...Object.values(keys), "allow-rotation"]),
  };
}

const named = await namedByTheTree();

// A changelog tells what was, too.
for (const path of [...named.pages.keys()].filter((path) => path !== "CHANGELOG.md")) {
  Deno.test(`${path} names nothing that does not exist`, () => {
    assertEquals(pageFaults(path, named), []);
  });
}

Deno.test("the pages name what there is", () => {
  assert(named.pages.size > 5, `${named.pages.size} pages`);
  assert(named.metrics.size > 10, `${named.metrics.size} metrics`);
  assert(named.tasks.has("demo"));
});

Deno.test("docs/README.md lists all pages of docs/", () => {
  const index = named.pages.get("docs/README.md")!;
  const pages = [...named.pages.keys()].filter((path) => /^docs\/(?!README)[^/]*$/.test(path));
  assertEquals(pages.filter((path) => !index.includes(`](${path.slice("docs/".length)})`)), []);
});

const FAULTY: readonly [text: string, fault: string][] = [
  ["[there](nowhere.md)", "link to nowhere.md, which is not there"],
  [
    "[the\nwhole](../README.md#no-such-heading)",
    "link to ../README.md#no-such-heading, which is no heading",
  ],
  ["[out](https://[::1)", "no address https://[::1"],
  ["Give `--adress=100.96.0.1/32`.", "no flag --adress"],
  ["```sh\nhub --hub-allowed-ips=::/0\n```", "no flag --hub-allowed-ips of hub"],
  ["```sh\nkubectl exec ds/x -- hub \\\n  doctor --peers\n```", "no flag --peers of hub"],
  ["```sh\nwg-spoke doktor # on the machine\n```", "no command spoke doktor"],
  ["`spoke up`", "no command spoke up"],
  ["```yaml\nargs:\n  - --alowed-ips=10.0.0.0/8\n```", "no flag --alowed-ips"],
  ["`WG_ADRESS` and\n`NO_SUCH_THING=1`", "no variable WG_ADRESS"],
  ["wg_kube_peer tells", "no metric wg_kube_peer"],
  ["`deploy/damonset.yaml`", "no file deploy/damonset.yaml"],
  ["```sh\nkubectl apply -f deploy/*.yml\n```", "no file deploy/*.yml"],
  ["`deno task tests`", "no task tests"],
  ["`kubectl label node a wireguard.kube/hubs=true`", "no label or annotation hubs"],
];

for (const [text, fault] of FAULTY) {
  Deno.test(`pageFaults() finds: ${fault}`, () => {
    const pages = new Map([...named.pages, ["docs/page.md", text]]);
    assertEquals(pageFaults("docs/page.md", { ...named, pages }), [fault]);
  });
}

Deno.test("pageFaults() finds nothing wrong with what is right", () => {
  const text = `# Twice

[a](../README.md#try-it) [b](#twice-1) [c](../deploy/) [d](https://example.com/x#y)

## Twice

\`--node-ip\`, \`hub status --watch\`, \`WG_MTU\`, \`deploy/*.yaml\`, \`wireguard.kube/hub-\`,
\`hub sets a spoke's key\`, wg_kube_reconcile_duration_seconds_bucket, \`deno task test:unit\`

\`\`\`sh
NODE_IP=192.0.2.1 # --not-looked-at
kubectl get nodes --output=wide && wg-spoke --no-daemonize --address="$NODE_IP"
\`\`\`
`;
  const pages = new Map([...named.pages, ["docs/page.md", text]]);
  const paths = new Set([...named.paths, "docs/page.md"]);
  assertEquals(pageFaults("docs/page.md", { ...named, pages, paths }), []);
});
