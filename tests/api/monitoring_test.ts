/** Alerts, dashboard and monitors of deploy/monitoring, against the metrics that there are. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { parse } from "@std/yaml/parse";
import type { IpAddress } from "../../lib/ip/address.ts";
import { ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import { openMetrics } from "../../lib/metrics/metrics.ts";
import { publicKeyFromBytes } from "../../lib/wireguard/key.ts";
import { ParsedMetrics } from "../lab/parse_metrics.ts";
import { promtool } from "../lab/promtool.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const MONITORING = `${ROOT}deploy/monitoring`;
/** Labels that Prometheus itself gives. */
const GIVEN_LABELS = ["instance", "job", "le"];

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly definition?: string }[];
  };
}

async function shippedRules(): Promise<Rules> {
  const manifest: { spec: Rules } = parse(await Deno.readTextFile(`${MONITORING}/rules.yaml`));
  return manifest.spec;
}

async function shippedDashboard(): Promise<Dashboard> {
  return JSON.parse(await Deno.readTextFile(`${MONITORING}/dashboard.json`));
}

/** What a hub serves that has done and seen a little of everything. */
async function exposition(): Promise<string> {
  const key = publicKeyFromBytes(new Uint8Array(32).fill(1));
  const address = { hostname: "127.0.0.1" as IpAddress, port: 9588 };
  const metrics = (await openMetrics("hub", address))!;
  metrics.observer.turn("tunnel", 1, true);
  metrics.observer.deeds([{ text: "peer added", fields: {} }]);
  metrics.observer.request({ method: "GET", path: "/api/v1/nodes" }, new ApiUnreachable("down"));
  metrics.readFrom({
    interface: "wg0",
    read: () =>
      Promise.resolve({
        name: "wg0",
        listenPort: 51820,
        fwmark: 0,
        peers: new Map([[key, {
          publicKey: key,
          persistentKeepalive: 0,
          allowedIPs: [],
          lastHandshake: 0,
          rxBytes: 0,
          txBytes: 0,
        }]]),
      }),
    nodeOf: () => "edge-2",
    watches: () => ({ peers: { listAgeMs: 1, restarts: { ended: 1, silent: 0, failed: 0 } } }),
    now: () => 0,
  });
  const answer = await metrics.endpoint.paths["/metrics"]!(new Request("http://x/metrics"));
  return await answer.text();
}

/** The labels of each series that there is, by its name. */
async function knownSeries(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const metrics = new ParsedMetrics(await exposition());
  const names = Object.entries(metrics.types).flatMap(([name, type]) =>
    type === "HISTOGRAM" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
  );
  return new Map(names.map((name) => {
    const series = metrics.series(name);
    assert(series.length > 0, `${name} has no series here`);
    return [name, new Set(series.flatMap(({ labels }) => Object.keys(labels)))];
  }));
}

/** What of an expression is neither a series that there is nor a label of those that it names. */
function unknownNames(
  expression: string,
  known: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  const bare = expression.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[[^\]]*\]/g, "");
  const series = [...bare.matchAll(/\b(?:wg_kube|wireguard)_\w+/g)].map(([name]) => name!);
  if (series.length === 0) return [`no metric in ${expression}`];
  const labels = [
    ...[...bare.matchAll(/\b(?:by|without|on|ignoring) *\(([^)]*)\)/g)].flatMap(([, list]) =>
      list!.split(",")
    ),
    ...[...bare.matchAll(/(\w+) *(?:=~|!=|!~|=)""/g)].map(([, label]) => label!),
  ].map((label) => label.trim());
  const allowed = new Set([
    ...GIVEN_LABELS,
    ...series.flatMap((name) => [...known.get(name) ?? []]),
  ]);
  return [
    ...series.filter((name) => !known.has(name)),
    ...labels.filter((label) => !allowed.has(label)),
  ];
}

/** Runs promtool in a folder with these files. */
async function withFiles<Result>(
  files: Readonly<Record<string, string>>,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("promtool takes the alert rules and the metrics, and finds a fault where one is", async () => {
  const rules = await shippedRules();
  const check = (text: string) =>
    withFiles(
      { "rules.yaml": text },
      (folder) => promtool(["check", "rules", `${folder}/rules.yaml`]),
    );
  const { code, stdout, stderr } = await check(JSON.stringify(rules));
  assertEquals(code, 0, stdout + stderr);
  assertNotEquals((await check(JSON.stringify(rules).replace("absent(", "absent(("))).code, 0);
  const text = await exposition();
  assertEquals(await promtool(["check", "metrics"], { stdin: text }), {
    code: 0,
    stdout: "",
    stderr: "",
  });
});

Deno.test("the alerts call when they should, and not while all is well", async () => {
  const { groups } = await shippedRules();
  const short = JSON.stringify({
    groups: groups.map(({ name, rules }) => ({
      name,
      rules: rules.map((rule) => ({
        ...rule,
        annotations: { summary: rule.annotations["summary"] },
      })),
    })),
  });
  const cases = await Deno.readTextFile(`${ROOT}tests/api/alerts.yaml`);
  const judge = (rules: string) =>
    withFiles(
      { "rules.yaml": rules, "alerts.yaml": cases },
      (folder) => promtool(["test", "rules", `${folder}/alerts.yaml`]),
    );
  const { code, stdout, stderr } = await judge(short);
  assertEquals(code, 0, stdout + stderr);
  // Every alert is tested both ways, and a rule that is off is found out.
  for (const { alert, expr } of groups.flatMap(({ rules }) => rules)) {
    const mentions = cases.split(`alertname: ${alert} }`).length - 1;
    assert(mentions > 0, `${alert} is nowhere expected to be silent`);
    const off = short.replace(JSON.stringify(expr), JSON.stringify("vector(0) > 1"));
    assertNotEquals(off, short);
    assertNotEquals((await judge(off)).code, 0, `${alert} could as well be missing`);
  }
});

Deno.test("alerts and dashboard ask for metrics and labels that there are, in valid PromQL", async () => {
  const known = await knownSeries();
  const { panels, templating } = await shippedDashboard();
  const expressions = [
    ...(await shippedRules()).groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
  assertEquals(expressions.flatMap((expression) => unknownNames(expression, known)), []);
  for (const { definition } of templating.list.filter(({ definition }) => definition)) {
    const [, name, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition!)!;
    assert(known.has(name!) && GIVEN_LABELS.includes(label!), definition);
  }
  assertEquals(unknownNames('sum by (nodes) (wg_kube_peer{state="up"})', known), [
    ...["wg_kube_peer", "nodes", "state"],
  ]);

  const rules = expressions.map((expr, at) => ({
    record: `expression_${at}`,
    expr: expr.replaceAll("$__rate_interval", "5m"),
  }));
  const text = JSON.stringify({ groups: [{ name: "all", rules }] });
  const { code, stdout, stderr } = await withFiles(
    { "rules.yaml": text },
    (folder) => promtool(["check", "rules", `${folder}/rules.yaml`]),
  );
  assertEquals(code, 0, stdout + stderr);
});

Deno.test("the dashboard's panels say what they show, and lie side by side", async () => {
  const { panels } = await shippedDashboard();
  assertEquals(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Map<string, string>();
  for (const { title, description, gridPos: { x, y, w, h } } of panels) {
    assert(title && description, title);
    assert(x + w <= 24, title);
    for (let row = y; row < y + h; row++) {
      for (let column = x; column < x + w; column++) {
        const cell = `${column},${row}`;
        assertEquals(taken.get(cell), undefined, `${title} covers ${taken.get(cell)}`);
        taken.set(cell, title);
      }
    }
  }
});

Deno.test("docs/metrics.md tells of every alert, and of none that is not there", async () => {
  const alerts = (await shippedRules()).groups.flatMap(({ rules }) =>
    rules.map(({ alert }) => alert)
  );
  const text = await Deno.readTextFile(`${ROOT}docs/metrics.md`);
  assertEquals([...new Set(text.match(/WgKube\w+/g))].sort(), alerts.sort());
});
