import { Decoder, Encoder, fixedHeader } from "./attribute.ts";
import type { NetlinkMessage, NetlinkRequest } from "./message.ts";

/** Where a chain is hung up in the way of packets: enum nf_inet_hooks (linux/netfilter.h). */
export const NF_HOOK = { INPUT: 1, FORWARD: 2, OUTPUT: 3 } as const;

/** A chain of nftables that packets go through by themselves; iptables-nft makes these, too. */
export interface BaseChain {
  readonly family: "ip" | "ip6" | "inet";
  readonly table: string;
  readonly chain: string;
  /** A number of {@linkcode NF_HOOK}, or another of that family's. */
  readonly hook: number;
  /** What becomes of a packet that no rule decides about. */
  readonly policy: "accept" | "drop";
}

/** Message types: subsystem 10 (linux/netfilter/nfnetlink.h), then enum nf_tables_msg_types. */
const NEW_CHAIN = 10 << 8 | 3;
const GET_CHAIN = 10 << 8 | 4;
/** enum nft_chain_attributes, and within the hook enum nft_hook_attributes. */
const TABLE = 1;
const NAME = 3;
const HOOK = 4;
const POLICY = 5;
const HOOK_NUMBER = 1;
/** NF_DROP (linux/netfilter.h). */
const DROP = 0;
/** struct nfgenmsg. */
const HEADER_BYTES = 4;
/** NFPROTO_… (linux/netfilter.h): those by which IP is forwarded. */
const FAMILIES: Readonly<Record<number, BaseChain["family"]>> = { 1: "inet", 2: "ip", 10: "ip6" };

/** Asks for the chains of all families, if sent as a dump. */
export function listChains(): NetlinkRequest {
  return { type: GET_CHAIN, flags: 0, body: new Encoder().raw32(0).bytes() };
}

/** Reads a chain. Undefined if it is none of {@linkcode BaseChain}. @throws {SystemError} EBADMSG. */
export function decodeBaseChain({ type, body }: NetlinkMessage): BaseChain | undefined {
  if (type !== NEW_CHAIN) return undefined;
  const family = FAMILIES[fixedHeader(body, HEADER_BYTES).getUint8(0)];
  let [table, chain] = ["", ""];
  let hook: number | undefined;
  let policy: number | undefined;
  const attributes = new Decoder(body, HEADER_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case TABLE:
        table = attributes.text();
        break;
      case NAME:
        chain = attributes.text();
        break;
      case HOOK:
        hook = decodeHook(attributes.nested());
        break;
      case POLICY:
        policy = attributes.u32BigEndian();
        break;
    }
  }
  if (family === undefined || hook === undefined) return undefined;
  return { family, table, chain, hook, policy: policy === DROP ? "drop" : "accept" };
}

function decodeHook(attributes: Decoder): number | undefined {
  while (attributes.next()) {
    if (attributes.type === HOOK_NUMBER) return attributes.u32BigEndian();
  }
  return undefined;
}
