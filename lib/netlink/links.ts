import { Decoder, Encoder, fixedHeader } from "./attribute.ts";
import { FLAG, type NetlinkMessage, type NetlinkRequest } from "./message.ts";

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mtu: number;
  /** Whether it is switched on (IFF_UP), not whether it has a carrier. */
  readonly up: boolean;
  /** The kind of a virtual interface, e.g. `wireguard`, `tun`. */
  readonly kind?: string;
  /** Free text that its maker left on it. */
  readonly alias?: string;
}

/** What to change of a link; what is absent stays. */
export interface LinkChange {
  readonly mtu?: number;
  readonly up?: boolean;
  /** Empty takes it away. At most 255 bytes. */
  readonly alias?: string;
}

/** Message types (linux/rtnetlink.h). */
const NEW_LINK = 16;
const DELETE_LINK = 17;
const GET_LINK = 18;
/** Attributes and flags (linux/if_link.h, linux/if.h). */
const NAME = 3;
const MTU = 4;
const LINK_INFO = 18;
const ALIAS = 20;
const INFO_KIND = 1;
const IFF_UP = 1;
/** struct ifinfomsg. */
const HEADER_BYTES = 16;
/** IFNAMSIZ less the zero byte. */
const NAME_BYTES = 15;

/** Asks for all links, if sent as a dump. */
export function listLinks(): NetlinkRequest {
  return { type: GET_LINK, flags: 0, body: header().bytes() };
}

/** Asks for the link of that name. @throws {RangeError} if no link can have it. */
export function getLink(name: string): NetlinkRequest {
  return { type: GET_LINK, flags: 0, body: header().text(NAME, checkedName(name)).bytes() };
}

/** Makes a virtual link. @throws {RangeError} if no link can have that name. */
export function newLink(name: string, kind: string): NetlinkRequest {
  const body = header().text(NAME, checkedName(name));
  body.nested(LINK_INFO, () => body.data(INFO_KIND, new TextEncoder().encode(kind)));
  return { type: NEW_LINK, flags: FLAG.CREATE | FLAG.EXCLUSIVE, body: body.bytes() };
}

/** Changes a link. */
export function changeLink(index: number, { mtu, up, alias }: LinkChange): NetlinkRequest {
  const body = header(index, up ? IFF_UP : 0, up === undefined ? 0 : IFF_UP);
  if (mtu !== undefined) body.u32(MTU, mtu);
  if (alias !== undefined) body.data(ALIAS, new TextEncoder().encode(alias));
  return { type: NEW_LINK, flags: 0, body: body.bytes() };
}

/** Removes a link. */
export function removeLink(index: number): NetlinkRequest {
  return { type: DELETE_LINK, flags: 0, body: header(index).bytes() };
}

/** Reads a link. Undefined if the message is about something else. @throws {SystemError} EBADMSG. */
export function decodeLink({ type, body }: NetlinkMessage): Link | undefined {
  if (type !== NEW_LINK) return undefined;
  const view = fixedHeader(body, HEADER_BYTES);
  let name = "";
  let mtu = 0;
  let alias: string | undefined;
  let kind: string | undefined;
  const attributes = new Decoder(body, HEADER_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case NAME:
        name = attributes.text();
        break;
      case MTU:
        mtu = attributes.u32();
        break;
      case ALIAS:
        alias = attributes.text();
        break;
      case LINK_INFO:
        kind = decodeKind(attributes.nested());
        break;
    }
  }
  return {
    index: view.getInt32(4, true),
    name,
    mtu,
    up: (view.getUint32(8, true) & IFF_UP) !== 0,
    ...(kind === undefined ? {} : { kind }),
    ...(alias === undefined ? {} : { alias }),
  };
}

function decodeKind(info: Decoder): string | undefined {
  while (info.next()) {
    if (info.type === INFO_KIND) return info.text();
  }
  return undefined;
}

/** struct ifinfomsg. `mask` says which of the flags are meant. */
function header(index = 0, flags = 0, mask = 0): Encoder {
  return new Encoder().raw16(0).raw16(0).raw32(index).raw32(flags).raw32(mask);
}

function checkedName(name: string): string {
  const length = new TextEncoder().encode(name).length;
  if (length === 0 || length > NAME_BYTES || /[\s/\0]/.test(name)) {
    throw new RangeError(`no interface can be called ${JSON.stringify(name)}`);
  }
  return name;
}
