import { tellParent } from "./daemonize.ts";
import { sendToUnixSocket } from "./netlink/libc.ts";

/**
 * Tells whoever started this program that the tunnel's address is there, so that a kubelet may
 * start: systemd by sd_notify(3), and the parent of a process in the background.
 *
 * @param notifySocket the value of NOTIFY_SOCKET, if systemd has set it.
 * @throws {SystemError} if systemd cannot be told.
 */
export function announceReady(notifySocket: string | undefined): void {
  tellParent();
  if (notifySocket) sendToUnixSocket(notifySocket, "READY=1\nSTATUS=the interface is up");
}
