import type { IpAddress } from "../../ip/address.ts";
import { failed, type Finding, ok, skipped } from "../finding.ts";
import { nameSome } from "../name_some.ts";

/** A peer's place outside, and the device by which it is reached; undefined if there is no way. */
export interface Way {
  readonly address: IpAddress;
  readonly device: string | undefined;
}

/** Where peers are reached must not lie in the tunnel, which would carry itself. */
export function checkEndpoints(name: string, ways: readonly Way[] | undefined): Finding {
  if (!ways) return skipped("the interface could not be read");
  const inside = ways.filter(({ device }) => device === name).map(({ address }) => address);
  const [first] = inside;
  if (first !== undefined) {
    return failed(
      `${nameSome(inside)} is reached through ${name} itself`,
      `see ip route get ${first}; take that route away, or the prefix that covers it from ` +
        "--hub-allowed-ips or the hub's allowed-ips",
    );
  }
  const lost = ways.filter(({ device }) => device === undefined).map(({ address }) => address);
  if (lost.length > 0) {
    return failed(
      `there is no route to ${nameSome(lost)}`,
      "ip route show; mend the machine's own network",
    );
  }
  if (ways.length === 0) return ok("no peer has an endpoint");
  return ok(`reached by ${[...new Set(ways.map(({ device }) => device))].join(", ")}`);
}
