import { Decoder, Encoder, fixedHeader } from "./attribute.ts";
import type { NetlinkMessage, NetlinkRequest } from "./message.ts";
import { type BaseChain, decodeBaseChain, listChains } from "./nftables.ts";
import { NetlinkSocket } from "./socket.ts";
import { SystemError } from "./system_error.ts";
import { NETLINK, openTransport } from "./transport.ts";

/** A rule of nftables that decides about packets by itself, and what it asks of them. */
export interface FilterRule extends Pick<BaseChain, "family" | "table" | "chain"> {
  /** By which `nft delete rule` finds it. */
  readonly handle: number;
  /** To reject a packet is to drop it with an answer. */
  readonly verdict: "accept" | "drop";
  /** Its name, or how that begins: `wg*`. */
  readonly inputDevice?: string;
  readonly outputDevice?: string;
  /** The port that packets are for, if they must be UDP; `some` if it may be another, too. */
  readonly udpPort?: number | "some";
  /** Whether it asks for more than that, as for a sender, a state, or IPv4. */
  readonly asksMore: boolean;
}

/** The base chains of this network namespace, and the rules of all chains. */
export interface Firewall {
  /** What the first rule does that asks for nothing is the policy of its chain. */
  readonly chains: readonly BaseChain[];
  readonly rules: readonly FilterRule[];
}

/** Message types (linux/netfilter/nf_tables.h), as in nftables.ts. */
const NEW_RULE = 10 << 8 | 6;
const GET_RULE = 10 << 8 | 7;
const HEADER_BYTES = 4;
/** enum nft_rule_attributes, nft_expr_attributes. */
const RULE = { TABLE: 1, CHAIN: 2, HANDLE: 3, EXPRESSIONS: 4 } as const;
const EXPRESSION = { NAME: 1, DATA: 2 } as const;
/** NFTA_DATA_VALUE, NFTA_DATA_VERDICT, and NFTA_VERDICT_CODE within. */
const DATA = { VALUE: 1, VERDICT: 2, CODE: 1 } as const;
const VERDICTS: Readonly<Record<number, FilterRule["verdict"]>> = { 0: "drop", 1: "accept" };
const FAMILIES: Readonly<Record<number, BaseChain["family"]>> = { 1: "inet", 2: "ip", 10: "ip6" };
/** enum nft_meta_keys. */
const META: Readonly<Record<number, Loaded>> = {
  6: "inputDevice",
  7: "outputDevice",
  16: "protocol",
};
/** enum nft_payload_bases; the offset of the protocol in an IPv4 header, of the port in one of UDP. */
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const PROTOCOL_OFFSET = 9;
const PORT_OFFSET = 2;
const UDP = 17;
/** They ask nothing of a packet. */
const HARMLESS = ["counter", "log"];
/** A target of iptables' own that iptables-nft has no expression for, and NFTA_TARGET_NAME. */
const REJECT = "REJECT";
const TARGET_NAME = 1;

/** What a register holds that is understood. */
type Loaded = "inputDevice" | "outputDevice" | "protocol" | "port";

/** Asks for the rules of all families, if sent as a dump. */
export function listRules(): NetlinkRequest {
  return { type: GET_RULE, flags: 0, body: new Encoder().raw32(0).bytes() };
}

/** Reads a rule. Undefined if it decides nothing by itself, as one that jumps. @throws {SystemError} EBADMSG. */
export function decodeRule({ type, body }: NetlinkMessage): FilterRule | undefined {
  if (type !== NEW_RULE) return undefined;
  const family = FAMILIES[fixedHeader(body, HEADER_BYTES).getUint8(0)];
  let [table, chain, handle] = ["", "", 0];
  const meaning = new RuleMeaning();
  const attributes = new Decoder(body, HEADER_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case RULE.TABLE:
        table = attributes.text();
        break;
      case RULE.CHAIN:
        chain = attributes.text();
        break;
      case RULE.HANDLE:
        handle = numberIn(attributes.data());
        break;
      case RULE.EXPRESSIONS:
        for (const element of attributesIn(attributes.data())) meaning.add(element.value);
        break;
    }
  }
  const told = meaning.told();
  return family && told && { family, table, chain, handle, ...told };
}

/** The expressions of a rule, one after the other: they load registers and look at what is there. */
class RuleMeaning {
  readonly #registers = new Map<number, Loaded>();
  #verdict: FilterRule["verdict"] | undefined;
  #devices: Pick<FilterRule, "inputDevice" | "outputDevice"> = {};
  #protocol: number | undefined;
  #port: number | "some" | undefined;
  #asksMore = false;

  add(expression: Uint8Array): void {
    const { [EXPRESSION.NAME]: nameBytes, [EXPRESSION.DATA]: data } = byType(expression);
    const name = textIn(nameBytes);
    const parts = byType(data);
    const number = (type: number) => numberIn(parts[type]);
    if (name === "meta" || name === "payload") {
      const loaded = name === "meta" ? META[number(2)] : payload(number(2), number(3));
      if (loaded) this.#registers.set(number(1), loaded);
      else this.#registers.delete(number(1));
    } else if (name === "cmp") {
      this.#compare(this.#registers.get(number(1)), number(2), byType(parts[3])[DATA.VALUE]);
    } else if (name === "lookup" && this.#registers.get(number(2)) === "port") {
      this.#port = "some";
    } else if (name === "immediate") {
      const code = byType(byType(parts[2])[DATA.VERDICT])[DATA.CODE];
      if (code) this.#verdict = VERDICTS[numberIn(code)];
    } else if (name === "reject" || (name === "target" && textIn(parts[TARGET_NAME]) === REJECT)) {
      this.#verdict = "drop";
    } else if (!HARMLESS.includes(name)) {
      this.#asksMore = true;
      this.#registers.clear(); // it may have written to any
    }
  }

  told(): Omit<FilterRule, "family" | "table" | "chain" | "handle"> | undefined {
    if (this.#verdict === undefined) return undefined;
    const isUdp = this.#protocol === UDP;
    return {
      verdict: this.#verdict,
      ...this.#devices,
      ...(isUdp && { udpPort: this.#port ?? "some" }),
      asksMore: this.#asksMore || (!isUdp && (this.#protocol ?? this.#port) !== undefined),
    };
  }

  #compare(loaded: Loaded | undefined, operation: number, value: Uint8Array | undefined): void {
    const isEqual = operation === 0 && value !== undefined;
    if (isEqual && loaded === "protocol") this.#protocol = numberIn(value);
    else if (isEqual && loaded === "port") this.#port = numberIn(value);
    else if (isEqual && (loaded === "inputDevice" || loaded === "outputDevice")) {
      const name = textIn(value);
      this.#devices = { ...this.#devices, [loaded]: value.includes(0) ? name : `${name}*` };
    } else if (loaded === "port") {
      this.#port = "some";
    } else this.#asksMore = true;
  }
}

/**
 * Reads the firewall of this network namespace.
 *
 * @returns undefined if the kernel has no nftables, or does not let this process read them.
 */
export function readFirewall(): Firewall | undefined {
  try {
    using socket = new NetlinkSocket(openTransport(NETLINK.NETFILTER));
    const rules = socket.dump("list rules", listRules())
      .flatMap((message) => decodeRule(message) ?? []);
    const chains = socket.dump("list chains", listChains())
      .flatMap((message) => decodeBaseChain(message) ?? []);
    return { rules, chains: chains.map((chain) => closedBy(rules, chain)) };
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}

/** Firewalld's chains, for one, accept by their policy, and reject by their last rule. */
function closedBy(rules: readonly FilterRule[], chain: BaseChain): BaseChain {
  const last = rules.find((rule) =>
    isOf(rule, chain) && rule.chain === chain.chain && rule.udpPort === undefined &&
    !rule.asksMore && !rule.inputDevice && !rule.outputDevice
  );
  return last ? { ...chain, policy: last.verdict } : chain;
}

/** Whether a rule is of the table of a chain. */
export function isOf(rule: Pick<BaseChain, "family" | "table">, chain: BaseChain): boolean {
  return rule.family === chain.family && rule.table === chain.table;
}

function payload(base: number, offset: number): Loaded | undefined {
  if (base === NETWORK_HEADER && offset === PROTOCOL_OFFSET) return "protocol";
  return base === TRANSPORT_HEADER && offset === PORT_OFFSET ? "port" : undefined;
}

/** The values of attributes by their types; of nothing there are none. */
function byType(body: Uint8Array | undefined): Readonly<Record<number, Uint8Array>> {
  return Object.fromEntries(attributesIn(body).map(({ type, value }) => [type, value]));
}

function attributesIn(body: Uint8Array = new Uint8Array()) {
  const attributes = new Decoder(body);
  const found: { readonly type: number; readonly value: Uint8Array }[] = [];
  while (attributes.next()) found.push({ type: attributes.type, value: attributes.data() });
  return found;
}

/** In network byte order; -1 if there is none. */
function numberIn(bytes: Uint8Array | undefined): number {
  return bytes?.reduce((sum, byte) => sum * 256 + byte, 0) ?? -1;
}

function textIn(bytes: Uint8Array | undefined): string {
  const zero = bytes?.indexOf(0) ?? 0;
  return new TextDecoder().decode(zero < 0 ? bytes : bytes?.subarray(0, zero));
}
