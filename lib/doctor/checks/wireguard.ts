import { failed, type Finding, ok } from "../finding.ts";

/** What this machine can make WireGuard interfaces with. */
export interface WireGuardFacts {
  readonly kernel: boolean;
  /** Whether wireguard-go is installed. */
  readonly program: boolean;
}

/** Something must be there that makes WireGuard interfaces. */
export function checkWireGuard({ kernel, program }: WireGuardFacts): Finding {
  if (kernel) return ok("the kernel has it");
  if (program) return ok("wireguard-go, for the kernel has none: slower, and it works");
  return failed(
    "the kernel has none, and wireguard-go is not installed",
    "modprobe wireguard (Linux 5.6 or newer), or install wireguard-go",
  );
}

/** Interfaces can be read and made with CAP_NET_ADMIN alone. */
export function checkCapability(hasNetAdmin: boolean): Finding {
  return hasNetAdmin ? ok("CAP_NET_ADMIN is there") : failed(
    "this process has no CAP_NET_ADMIN: it can neither read nor make WireGuard interfaces",
    "run it as root; in a pod, securityContext.capabilities.add: [NET_ADMIN], as deploy/daemonset.yaml has it",
  );
}
