import { familyOf, type IpAddress, parseAddress, unmapAddress } from "./address.ts";

/** Where a peer is reached: an address, or a host name still to be resolved, and a UDP port. */
export interface Endpoint {
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** An endpoint that the kernel can be told: its host is an address. */
export interface ResolvedEndpoint extends Endpoint {
  readonly host: IpAddress;
}

/**
 * Parses `192.0.2.1:51820`, `[2001:db8::1]:51820` or `name:51820` (RFC 1123 host names). A mapped
 * IPv4 address is normalised to IPv4.
 *
 * @returns undefined if it is none of them, or if the port is 0 or above 65535.
 */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9A-Za-z.-]{1,253})):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port < 1 || port > 65535) return undefined;
  const address = parseAddress(bracketed ?? plain!);
  if (address !== undefined) {
    if ((familyOf(address) === 6) !== (bracketed !== undefined)) return undefined;
    return { host: unmapAddress(address), port };
  }
  if (plain === undefined || !isHostName(plain)) return undefined;
  return { host: plain.toLowerCase(), port };
}

/** `192.0.2.1:51820`, `[2001:db8::1]:51820`, `name:51820`. */
export function printEndpoint({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether the endpoint's host is an address, so that it needs no name service. */
export function isResolved(endpoint: Endpoint): endpoint is ResolvedEndpoint {
  // A host name has no colon, and never a number as its last label.
  return endpoint.host.includes(":") || /\.\d+$/.test(endpoint.host);
}

/** RFC 1123: labels of letters, digits and inner hyphens. A number at the end makes a mistyped address. */
function isHostName(text: string): boolean {
  const labels = text.replace(/\.$/, "").split(".");
  return labels.every((label) => /^[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?$/.test(label)) &&
    !/^(\d+|0x[\da-f]*)$/i.test(labels.at(-1)!);
}
