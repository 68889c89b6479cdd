import { type Cidr, parseCidr } from "../ip/cidr.ts";
import { parsePublicKey, type PublicKey } from "../wireguard/key.ts";
import type { Ledger } from "./ledger.ts";

/** Changes when an older program could misread a newer one's text. */
const VERSION = 1;

/** The ledger as a file holds it: JSON, the same text for the same ledger. */
export function printLedger({ prefixes, keys, released, asMembers }: Ledger): string {
  const fields = {
    version: VERSION,
    prefixes: Object.fromEntries(prefixes),
    keys: Object.fromEntries(keys),
    released: Object.fromEntries(released),
    asMembers: Object.fromEntries(asMembers),
  };
  return `${JSON.stringify(fields, undefined, 1)}\n`;
}

/** Reads it back. Undefined for anything that {@linkcode printLedger} has not printed. */
export function parseLedger(text: string): Ledger | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(fields) || fields.version !== VERSION) return undefined;
  const prefixes = entries(fields.prefixes, isCidr, isNodeName);
  const keys = entries(fields.keys, isPublicKey, isNodeName);
  const released = entries(fields.released, isNodeName, isTime);
  const asMembers = entries(fields.asMembers ?? {}, isCidr, isNodeName); // older programs had none
  return prefixes && keys && released && asMembers && { prefixes, keys, released, asMembers };
}

function entries<Key extends string, Value>(
  record: unknown,
  isKey: (text: string) => text is Key,
  isValue: (value: unknown) => value is Value,
): Map<Key, Value> | undefined {
  if (!isRecord(record)) return undefined;
  const map = new Map<Key, Value>();
  for (const [key, value] of Object.entries(record)) {
    if (!isKey(key) || !isValue(value)) return undefined;
    map.set(key, value);
  }
  return map;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCidr(text: string): text is Cidr {
  return parseCidr(text) === text;
}

function isPublicKey(text: string): text is PublicKey {
  return parsePublicKey(text) === text;
}

function isNodeName(value: unknown): value is string {
  return typeof value === "string" && /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(value);
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}
