import { type Cidr, cidrsOverlap, hostCidr, type InterfaceAddress } from "../../ip/cidr.ts";
import { failed, type Finding, ok, warning } from "../finding.ts";

/** The tunnel's addresses, and the networks beside it. */
export interface OverlapFacts {
  /** Those of `--address`. */
  readonly addresses: readonly InterfaceAddress[];
  /** Networks of pods: of the own Node, and where a network plugin's devices lead to. */
  readonly podNetworks: readonly Cidr[];
  /** Where other devices lead to. */
  readonly otherRoutes: readonly Cidr[];
}

/** The addresses of the tunnel must be nobody else's. */
export function checkOverlap({ addresses, podNetworks, otherRoutes }: OverlapFacts): Finding {
  const hosts = addresses.map(({ address }) => hostCidr(address));
  const inside = (networks: readonly Cidr[]) => {
    for (const host of hosts) {
      const network = networks.find((one) => cidrsOverlap(one, host));
      if (network) return { host, network };
    }
  };
  const pods = inside(podNetworks);
  const remedy = "choose a tunnel network that nobody uses, e.g. of 100.96.0.0/12, for --address " +
    "(WG_ADDRESS) of all";
  if (pods) return failed(`${pods.host} lies inside ${pods.network}, a network of pods`, remedy);
  const other = inside(otherRoutes);
  if (other) {
    return warning(
      `${other.host} lies inside ${other.network}, which another device leads to`,
      remedy,
    );
  }
  return ok("the tunnel's addresses are nobody else's");
}
