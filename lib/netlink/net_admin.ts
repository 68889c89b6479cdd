import { readSmallFile } from "./libc.ts";

/** The bit of CAP_NET_ADMIN (linux/capability.h). */
const CAP_NET_ADMIN = 12n;

/** Whether this process may configure interfaces: CAP_NET_ADMIN among its effective capabilities (proc(5)). */
export function hasNetAdmin(): boolean {
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readSmallFile("/proc/self/status")) ?? [];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}
