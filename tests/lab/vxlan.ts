import type { LabHost } from "./lab_host.ts";

/** A machine of an overlay: its number among them, and its address in the network below. */
export interface VxlanEnd {
  readonly host: LabHost;
  readonly number: number;
  readonly local: string;
}

/** 1500 of the underlay, less 80 of WireGuard, less 50 of VXLAN; and what ICMP fills of it. */
const INNER_MTU = 1370;
export const FULL_SIZE = INNER_MTU - 28;

/** An overlay as Cilium makes it: a device on each machine, for pods 10.244.N.0/24 on machine N. */
export async function addVxlan(ends: readonly VxlanEnd[]): Promise<void> {
  const mac = (one: number) => `02:00:00:00:07:0${one}`;
  for (const { host, number, local } of ends) {
    const others = ends.filter((end) => end.number !== number);
    await host.ip(
      `link add vx0 address ${
        mac(number)
      } mtu ${INNER_MTU} type vxlan id 7 local ${local} dstport 8472`,
      `addr add 10.244.${number}.1/32 dev vx0`,
      "link set vx0 up",
      ...others.flatMap((other) => [
        `route add 10.244.${other.number}.0/24 dev vx0 src 10.244.${number}.1`,
        `neigh add 10.244.${other.number}.1 lladdr ${mac(other.number)} dev vx0`,
      ]),
    );
    const entries = others.map((other) =>
      `fdb append ${mac(other.number)} dev vx0 dst ${other.local}`
    );
    await host.run(["bridge", "-batch", "-"], { stdin: `${entries.join("\n")}\n` });
  }
}
