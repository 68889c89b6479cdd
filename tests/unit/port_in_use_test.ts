import { assertEquals } from "@std/assert";
import { ERRNO, SystemError } from "../../lib/netlink/system_error.ts";
import { portInUse } from "../../lib/tunnel/port_in_use.ts";

Deno.test("a port that another program has is named, with the flag", () => {
  const error = new SystemError("configure wg0", ERRNO.EADDRINUSE);
  assertEquals(
    portInUse(error, 51820)?.message,
    "UDP port 51820 is in use by another program: end that, or choose another --listen-port",
  );
  assertEquals(portInUse(new SystemError("configure wg0", ERRNO.EPERM), 51820), undefined);
  assertEquals(portInUse(new Error("EADDRINUSE"), 51820), undefined);
});
