import { assertEquals } from "@std/assert";
import { parse } from "@std/yaml/parse";
import type { ListenAddress } from "../../lib/options/value_types.ts";

/** The folder of the manifests. */
export const DEPLOY = new URL("../../deploy/", import.meta.url);

/** What somebody may do with objects. */
interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** A manifest as far as tests look into it. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly Readonly<Record<string, string>>[];
}

/** A probe as far as tests look into it. */
interface Probe {
  readonly httpGet: unknown;
}

/** What containers of ours have in common, as far as tests look into it. */
export interface Container {
  readonly image: string;
  readonly ports?: unknown;
  readonly securityContext: unknown;
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

/** The text of a file of the manifests. */
export function read(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, DEPLOY));
}

/** All manifests of a file. */
export async function manifestsOf(name: string): Promise<Manifest[]> {
  return (await read(name)).split(/^---$/m).map((text): Manifest => parse(text));
}

/** Asserts that it has NET_ADMIN, no other power, and opens no port. */
export function assertNetAdminAlone({ ports, securityContext }: Container): void {
  assertEquals(securityContext, {
    runAsUser: 0,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
  });
  assertEquals(ports, undefined);
}

/** Asserts that the probes ask where the program listens. */
export function assertProbed(container: Container, healthAddress: ListenAddress): void {
  if (healthAddress === "off") throw new Error("the manifest turns the endpoint off");
  const { hostname, port } = healthAddress;
  for (const probe of [container.startupProbe, container.livenessProbe]) {
    assertEquals(probe.httpGet, { host: hostname, port, path: "/livez" });
  }
  assertEquals(container.readinessProbe.httpGet, { host: hostname, port, path: "/readyz" });
}
