import { type Finding, ok, skipped, warning } from "../finding.ts";

/** What Cilium is told, as far as it could be read, and what the tunnel needs. */
export interface CiliumFacts {
  /** The entries of its ConfigMap, or why there are none; undefined if the API did not tell. */
  readonly config: Readonly<Record<string, string>> | "absent" | "unreadable" | undefined;
  readonly name: string;
  /** The tunnel's; undefined without the interface. */
  readonly mtu: number | undefined;
}

/** Cilium must use the tunnel's device, with its MTU, and need not encrypt what is encrypted. */
export function checkCilium({ config, name, mtu }: CiliumFacts): Finding {
  if (config === undefined) return skipped("the API did not tell");
  if (config === "absent") return skipped("there is no ConfigMap kube-system/cilium-config");
  if (config === "unreadable") {
    return skipped(
      "this credential may not read kube-system/cilium-config: nothing is known of it",
    );
  }
  const told = Number(config["mtu"] ?? 0); // 0: it finds out by itself
  const devices = (config["devices"] ?? "").split(/[\s,]+/).filter((one) => one !== "");
  const faults = [
    ...(mtu !== undefined && told > mtu
      ? [[`its mtu is ${told}, more than the ${mtu} of ${name}`, `MTU: ${mtu}`]]
      : []),
    ...(devices.length > 0 && !devices.some((one) => matches(one, name))
      ? [[
        `its devices are ${devices.join(" ")}, without ${name}`,
        `devices: [${[...devices, name].join(", ")}]`,
      ]]
      : []),
    ...(config["enable-wireguard"] === "true"
      ? [[
        `it encrypts what ${name} encrypts again`,
        "encryption.enabled: false, unless that is meant",
      ]]
      : []),
  ] as [string, string][];
  if (faults.length > 0) {
    return warning(
      faults.map(([found]) => found).join("; "),
      `in Cilium's values: ${faults.map(([, remedy]) => remedy).join("; ")}`,
    );
  }
  const routing = config["routing-mode"] ?? "tunnel";
  return ok(
    `${routing} routing, MTU ${told || "found by itself"}, devices ${
      devices.join(" ") || "found by itself"
    }`,
  );
}

/** Cilium takes `eth+` for all that begin so. */
function matches(pattern: string, name: string): boolean {
  return pattern.endsWith("+") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
