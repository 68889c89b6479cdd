import { type IpAddress, parseAddress } from "../ip/address.ts";
import { type Cidr, cidrContains, hostCidr } from "../ip/cidr.ts";
import { plainText } from "../serve_http.ts";

/**
 * Whether a request comes from somebody who typed the hub's address, or from the page itself. Other
 * pages in the same browser may send requests to a loopback address, and one whose name its owner
 * points there (DNS rebinding) could read the answers: so the host must be an address or localhost,
 * unless the page is bound for others to reach, who may know the machine by any name.
 *
 * @returns the refusal; undefined if there is none.
 */
export function refuseStrangers(request: Request, isLocal: boolean): Response | undefined {
  const { hostname, host } = new URL(request.url);
  const isNamed = hostname !== "localhost" &&
    parseAddress(hostname.replace(/^\[|\]$/g, "")) === undefined;
  if (isLocal && isNamed) {
    return plainText(403, "ask for it by its address, or as localhost\n");
  }
  const origin = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site");
  const isForeign = origin !== null && origin !== `http://${host}` ||
    // A link that leads here is no harm: it reads nothing.
    site !== null && !["same-origin", "none"].includes(site) &&
      request.headers.get("sec-fetch-mode") !== "navigate";
  return isForeign ? plainText(403, "other pages have nothing to ask here\n") : undefined;
}

const LOOPBACK = ["127.0.0.0/8", "::1/128"] as Cidr[];

/** Whether only this machine reaches what is bound to that address. */
export function isLoopback(address: IpAddress): boolean {
  return LOOPBACK.some((network) => cidrContains(network, hostCidr(address)));
}
