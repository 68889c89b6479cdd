import { annotationKeys } from "../contract/annotation_keys.ts";
import { type Cidr, type InterfaceAddress, parseCidr, parseInterfaceAddress } from "../ip/cidr.ts";
import { familyOf, type IpAddress, parseAddress, unmapAddress } from "../ip/address.ts";
import { type Endpoint, parseEndpoint } from "../ip/endpoint.ts";
import { parsePublicKey, type PublicKey } from "../wireguard/key.ts";
import { UserError } from "../user_error.ts";

/** Words, or what a machine has: files, network interfaces. */
export type Offer = readonly string[] | "files" | "interfaces";

/** A kind of value that an option takes. */
export interface ValueType<Value> {
  /** Stands for the value in the help text, e.g. `PORT`. */
  readonly placeholder: string;
  /** Completes "… is not …" in an error message and says what to give instead. */
  readonly expected: string;
  /** What a shell offers when it completes a value; absent: nothing. */
  readonly offers?: Offer;
  /** The value of a text that is not empty. Undefined if the text is none. */
  parse(text: string): Value | undefined;
}

/** Whole numbers in decimal digits, both bounds included. */
export function integer(
  placeholder: string,
  noun: string,
  min: number,
  max: number,
): ValueType<number> {
  return {
    placeholder,
    expected: `${noun}: give a whole number from ${min} to ${max}`,
    parse: (text) => {
      if (!/^\d{1,10}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** A UDP or TCP port. */
export const PORT: ValueType<number> = integer("PORT", "a port", 1, 65535);

/** A time in seconds. The bound of a day keeps it far below the 2^31 ms that a timer can count. */
export const SECONDS: ValueType<number> = integer("SECONDS", "a time in seconds", 1, 86400);

/** A time in seconds that may be none. */
export const SECONDS_OR_NONE: ValueType<number> = integer(
  "SECONDS",
  "a time in seconds, or 0",
  0,
  86400,
);

/** WireGuard's persistent keepalive in seconds, 16 bits in the kernel's interface; 0 turns it off. */
export const KEEPALIVE: ValueType<number> = integer("SECONDS", "a keepalive in seconds", 0, 65535);

/** An interface's MTU in bytes. Every IPv4 host takes 576 (RFC 791); IPv6 needs 1280 (RFC 8200). */
export const MTU: ValueType<number> = integer("BYTES", "an MTU in bytes", 576, 65535);

/** `true` or `false`; as a flag also without a value, and `--no-…`. */
export const BOOLEAN: ValueType<boolean> = {
  placeholder: "true|false",
  expected: "true or false: give one of the two",
  parse: (text) => text === "true" ? true : text === "false" ? false : undefined,
};

/** A file's path. */
export const PATH: ValueType<string> = {
  placeholder: "FILE",
  expected: "a path: give one without control characters",
  offers: "files",
  // deno-lint-ignore no-control-regex -- they are what is refused
  parse: (text) => /[\x00-\x1f\x7f]/.test(text) ? undefined : text,
};

/** Networks, or bare addresses that stand for themselves alone. */
export const CIDRS: ValueType<readonly Cidr[]> = listOf(
  "CIDR,…",
  "a list of networks: give them as 10.0.0.0/8,fd00::/8",
  parseCidr,
);

/** Addresses of an interface, each with the length of its network. */
export const INTERFACE_ADDRESSES: ValueType<readonly InterfaceAddress[]> = listOf(
  "ADDRESS/LENGTH,…",
  "a list of addresses: give them as 100.96.0.1/32,fd00::1/128",
  parseInterfaceAddress,
);

/** Where a peer is reached. */
export const ENDPOINT: ValueType<Endpoint> = {
  placeholder: "HOST:PORT",
  expected: "an endpoint: give it as 192.0.2.1:51820, [2001:db8::1]:51820 or name:51820",
  parse: parseEndpoint,
};

/** A WireGuard public key. */
export const PUBLIC_KEY: ValueType<PublicKey> = {
  placeholder: "KEY",
  expected: "a public key: give 32 bytes in base64, as `wg pubkey` prints them",
  parse: parsePublicKey,
};

/** The name of a network interface: see dev_valid_name() in the kernel's net/core/dev.c. */
export const INTERFACE_NAME: ValueType<string> = {
  placeholder: "NAME",
  expected: "an interface name: give 1 to 15 letters, digits, -, _ or ., such as wg0",
  offers: "interfaces",
  // Narrower than the kernel's rule: the name also becomes part of file names.
  parse: (text) => /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(text) ? text : undefined,
};

/** The name of a Kubernetes Node: a DNS subdomain (RFC 1123) in lower case. */
export const NODE_NAME: ValueType<string> = {
  placeholder: "NAME",
  expected: "a node name: give it as `kubectl get nodes` prints it",
  parse: (text) =>
    text.length <= 253 &&
      /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(text)
      ? text
      : undefined,
};

/** One IPv4 or IPv6 address; a mapped IPv4 address is taken as IPv4. */
export const ADDRESS: ValueType<IpAddress> = {
  placeholder: "ADDRESS",
  expected: "an address: give one such as 10.0.0.4 or fd00::4",
  parse: (text) => {
    const address = parseAddress(text);
    return address && unmapAddress(address);
  },
};

/** The value of a label, one that is not empty: see IsValidLabelValue() of k8s.io/apimachinery. */
export const LABEL_VALUE: ValueType<string> = {
  placeholder: "NAME",
  expected:
    "a label's value: give 1 to 63 letters, digits, -, _ or ., a letter or digit first and last",
  parse: (text) => /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(text) ? text : undefined,
};

/** The prefix of the labels and annotations. */
export const ANNOTATION_PREFIX: ValueType<string> = {
  placeholder: "PREFIX",
  expected:
    "a prefix of label keys: give one such as wireguard.kube/ or example.com/wireguard-, 63 characters after the slash at most",
  parse: (text) => {
    try {
      return annotationKeys(text).prefix;
    } catch (error) {
      if (error instanceof UserError) return undefined;
      throw error;
    }
  },
};

/** An address and a TCP port to listen on, or none. */
export type ListenAddress = { readonly hostname: IpAddress; readonly port: number } | "off";

/** Where to serve HTTP. A host name is refused: which of its addresses to bind would be a guess. */
export const LISTEN_ADDRESS: ValueType<ListenAddress> = {
  placeholder: "ADDRESS:PORT",
  expected: "an address to listen on: give it as 127.0.0.1:9587 or [::1]:9587, or off for none",
  offers: ["off"],
  parse: (text) => {
    if (text === "off") return "off";
    const match = /^(?:\[(.+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
    const hostname = match ? parseAddress(match[1] ?? match[2]!) : undefined;
    const port = match ? PORT.parse(match[3]!) : undefined;
    if (hostname === undefined || port === undefined) return undefined;
    return (familyOf(hostname) === 6) === (match![1] !== undefined)
      ? { hostname, port }
      : undefined;
  },
};

/** The least severe kind of line that is still logged. */
export type LogLevel = "debug" | "info" | "warning" | "error";
export const LOG_LEVEL: ValueType<LogLevel> = oneOf("debug", "info", "warning", "error");

/** Lines for people, or one JSON object a line. */
export type LogFormat = "text" | "json";
export const LOG_FORMAT: ValueType<LogFormat> = oneOf("text", "json");

/** A table for people, or JSON for programs. */
export type OutputFormat = "table" | "json";
export const OUTPUT_FORMAT: ValueType<OutputFormat> = oneOf("table", "json");

/** A value of a fixed set of words. */
function oneOf<const Word extends string>(...words: readonly Word[]): ValueType<Word> {
  return {
    placeholder: words.join("|"),
    expected: `one of the known words: give ${words.join(", ")}`,
    offers: words,
    parse: (text) => words.find((word) => word === text),
  };
}

/** A comma list; blanks around the commas are allowed. An empty part is an error. */
function listOf<Item>(
  placeholder: string,
  expected: string,
  parseItem: (text: string) => Item | undefined,
): ValueType<readonly Item[]> {
  return {
    placeholder,
    expected,
    parse: (text) => {
      const items: Item[] = [];
      for (const part of text.split(",")) {
        const item = parseItem(part.trim());
        if (item === undefined) return undefined;
        items.push(item);
      }
      return items;
    },
  };
}
