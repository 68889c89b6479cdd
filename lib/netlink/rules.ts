import { addressBytes, type IpFamily } from "../ip/address.ts";
import { bitsOf, type Cidr, cidrParts, networkOf } from "../ip/cidr.ts";
import { Decoder, Encoder, fixedHeader } from "./attribute.ts";
import { ADDRESS_FAMILY, decodeAddress, ipFamily } from "./family.ts";
import { FLAG, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { malformed } from "./system_error.ts";

/** A rule that says which table routes a packet (linux/fib_rules.h). All that is given must hold. */
export interface Rule {
  readonly family: IpFamily;
  /** Rules are tried in this order. */
  readonly priority: number;
  /** 0 for an action that needs none. */
  readonly table: number;
  /** Who made it: 2 the kernel, 0 nobody said. */
  readonly protocol: number;
  readonly mark?: number;
  /** Which bits of the mark count; absent: all. */
  readonly mask?: number;
  readonly from?: Cidr;
  readonly to?: Cidr;
  /** Name of the interface that the packet came in by; `lo`: it is this machine's own. */
  readonly iif?: string;
  /** Name of the interface that the sender's socket is bound to. */
  readonly oif?: string;
  /** IP protocol number: 6 is TCP. */
  readonly ipProtocol?: number;
  readonly destinationPort?: number;
  /** The rule holds where the rest does not. */
  readonly inverted?: boolean;
  /** Ignore what the table finds if its prefix is not longer than this. */
  readonly suppressPrefixLength?: number;
  /** Absent: look into the table. Else the kernel's number (7 blackhole, 8 unreachable …). */
  readonly action?: number;
}

/** Message types (linux/rtnetlink.h). */
const NEW_RULE = 32;
const DELETE_RULE = 33;
const GET_RULE = 34;
/** Attributes. */
const DESTINATION = 1;
const SOURCE = 2;
const IN_INTERFACE = 3;
const PRIORITY = 6;
const MARK = 10;
const SUPPRESS_PREFIX_LENGTH = 14;
const TABLE = 15;
const MASK = 16;
const OUT_INTERFACE = 17;
const PROTOCOL = 21;
const IP_PROTOCOL = 22;
const DESTINATION_PORTS = 24;
/** struct fib_rule_hdr. */
const HEADER_BYTES = 12;
const ACTION_ANY = 0;
const ACTION_TABLE = 1;
const FLAG_INVERTED = 2;
const ALL_BITS = 0xffff_ffff;

/** Asks for the rules of a family, if sent as a dump. */
export function listRules(family: IpFamily): NetlinkRequest {
  const body = new Encoder().raw8(ADDRESS_FAMILY[family]).rawBytes(new Uint8Array(11));
  return { type: GET_RULE, flags: 0, body: body.bytes() };
}

/** Adds a rule; refused (EEXIST) if there is one like it. */
export function newRule(rule: Rule): NetlinkRequest {
  return {
    type: NEW_RULE,
    flags: FLAG.CREATE | FLAG.EXCLUSIVE,
    body: describe(rule, rule.action ?? ACTION_TABLE),
  };
}

/** Removes the first rule that has all that is given here. */
export function deleteRule(rule: Rule): NetlinkRequest {
  return { type: DELETE_RULE, flags: 0, body: describe(rule, rule.action ?? ACTION_ANY) };
}

/** Reads a rule. Undefined if the message is about something else. @throws {SystemError} EBADMSG. */
export function decodeRule({ type, body }: NetlinkMessage): Rule | undefined {
  if (type !== NEW_RULE) return undefined;
  const view = fixedHeader(body, HEADER_BYTES);
  const family = ipFamily(view.getUint8(0));
  if (family === undefined) return undefined;
  const found: { -readonly [K in keyof Rule]?: Rule[K] } = {};
  let [table, priority, protocol] = [view.getUint8(4), 0, 0];
  const attributes = new Decoder(body, HEADER_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case TABLE:
        table = attributes.u32();
        break;
      case PRIORITY:
        priority = attributes.u32();
        break;
      case PROTOCOL:
        protocol = attributes.u8();
        break;
      default:
        decodeSelector(family, view, attributes, found);
    }
  }
  const action = view.getUint8(7);
  if (action !== ACTION_TABLE) found.action = action;
  if (view.getUint32(8, true) & FLAG_INVERTED) found.inverted = true;
  return { family, priority, table, protocol, ...found };
}

function decodeSelector(
  family: IpFamily,
  header: DataView,
  attributes: Decoder,
  into: { -readonly [K in keyof Rule]?: Rule[K] },
): void {
  switch (attributes.type) {
    case DESTINATION:
      into.to = decodeCidr(family, attributes.data(), header.getUint8(1));
      break;
    case SOURCE:
      into.from = decodeCidr(family, attributes.data(), header.getUint8(2));
      break;
    case IN_INTERFACE:
      into.iif = attributes.text();
      break;
    case OUT_INTERFACE:
      into.oif = attributes.text();
      break;
    case MARK:
      into.mark = attributes.u32();
      break;
    case MASK: // always told with a mark; all bits is what is meant where it is left out
      if (attributes.u32() !== ALL_BITS) into.mask = attributes.u32();
      break;
    case IP_PROTOCOL:
      into.ipProtocol = attributes.u8();
      break;
    case DESTINATION_PORTS: // struct fib_rule_port_range; only single ports are ours
      into.destinationPort = fixedHeader(attributes.data(), 4).getUint16(0, true);
      break;
    case SUPPRESS_PREFIX_LENGTH:
      if (attributes.u32() !== ALL_BITS) into.suppressPrefixLength = attributes.u32();
      break;
  }
}

function decodeCidr(family: IpFamily, bytes: Uint8Array, prefixLength: number): Cidr {
  if (prefixLength > bitsOf(family)) throw malformed(`prefix length ${prefixLength}`);
  return networkOf({ address: decodeAddress(family, bytes), prefixLength });
}

/** struct fib_rule_hdr and attributes. */
function describe(rule: Rule, action: number): Uint8Array {
  const { from, to, iif, oif, mark, mask, ipProtocol, destinationPort } = rule;
  const body = new Encoder().raw8(ADDRESS_FAMILY[rule.family])
    .raw8(to ? cidrParts(to).prefixLength : 0).raw8(from ? cidrParts(from).prefixLength : 0)
    .raw8(0).raw8(rule.table > 0xff ? 0 : rule.table).raw8(0).raw8(0)
    .raw8(action).raw32(rule.inverted ? FLAG_INVERTED : 0);
  if (to) body.data(DESTINATION, addressBytes(cidrParts(to).address));
  if (from) body.data(SOURCE, addressBytes(cidrParts(from).address));
  if (iif !== undefined) body.text(IN_INTERFACE, iif);
  if (oif !== undefined) body.text(OUT_INTERFACE, oif);
  body.u32(PRIORITY, rule.priority);
  if (mark !== undefined) body.u32(MARK, mark);
  if (mask !== undefined) body.u32(MASK, mask);
  if (rule.table > 0xff) body.u32(TABLE, rule.table);
  body.u8(PROTOCOL, rule.protocol);
  if (ipProtocol !== undefined) body.u8(IP_PROTOCOL, ipProtocol);
  if (destinationPort !== undefined) {
    const range = Uint16Array.of(destinationPort, destinationPort);
    body.data(DESTINATION_PORTS, new Uint8Array(range.buffer));
  }
  if (rule.suppressPrefixLength !== undefined) {
    body.u32(SUPPRESS_PREFIX_LENGTH, rule.suppressPrefixLength);
  }
  return body.bytes();
}
