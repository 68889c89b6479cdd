import type { LogRecord } from "@logtape/logtape";
import type { LogFormat } from "./options/value_types.ts";

/** How many characters of one value are shown: an annotation may hold 256 kB. */
const SHOWN = 500;
/** The same for our own stack traces. */
const SHOWN_STACK = 4000;

/** Controls, invisible format characters (bidi overrides too), line separators, lone surrogates. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** The line of a log record, with its line feed. It is always one line, whatever the record holds. */
export function printLogLine(record: LogRecord, format: LogFormat): string {
  return (format === "json" ? printJson(record) : printText(record)) + "\n";
}

/** `[2026-11-24T22:45:14Z] text  node=edge-7 reason="key held twice"`, as the original logs. */
function printText(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString().replace(/\.\d+Z$/, "Z");
  const level = record.level === "info" ? "" : `${record.level}: `;
  const fields = fieldsOf(record).map(([name, text]) => `${escape(name)}=${quoteIfNeeded(text)}`);
  const line = `[${time}] ${level}${escape(messageText(record))}`;
  return fields.length === 0 ? line : `${line}  ${fields.join(" ")}`;
}

/** The same as JSON. A field cannot take the place of time, level, logger or message. */
function printJson(record: LogRecord): string {
  return JSON.stringify({
    ...Object.fromEntries(fieldsOf(record)),
    time: new Date(record.timestamp).toISOString(),
    level: record.level,
    logger: record.category.join("."),
    message: messageText(record),
  }).replaceAll(HIDDEN, escapeCharacter);
}

/** Text parts stand as they are; values between them (odd places) are printed. */
function messageText(record: LogRecord): string {
  return record.message.map((part, index) => index % 2 ? printValue(part) : String(part)).join("");
}

function fieldsOf(record: LogRecord): [string, string][] {
  const fields: [string, string][] = [];
  for (const [name, value] of Object.entries(record.properties)) {
    if (value === undefined) continue;
    fields.push([name, printValue(value)]);
    if (value instanceof Error && (record.level === "error" || record.level === "fatal")) {
      fields.push(["stack", cut(printStack(value), SHOWN_STACK)]);
    }
  }
  return fields;
}

/**
 * A value as text, cut where it is long. Bytes are never shown, since they may be a key; a private
 * key prints itself as such.
 */
function printValue(value: unknown): string {
  if (typeof value === "string") return cut(value, SHOWN);
  if (value instanceof Error) return cut(printError(value), SHOWN);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) {
    return cut(value.join(","), SHOWN);
  }
  if (typeof value !== "object" || value === null) return String(value);
  try {
    const text = JSON.stringify(value, (_, inner) => printable(inner));
    return cut(text.startsWith('"') ? JSON.parse(text) as string : text, SHOWN);
  } catch {
    return "(unprintable)"; // a cycle
  }
}

function printable(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
  if (value instanceof Error) return printError(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  return typeof value === "bigint" ? String(value) : value;
}

/** An error's message, then those of its causes. */
function printError(error: Error): string {
  const messages = [error.message || error.name];
  let cause = error.cause;
  while (cause !== undefined && messages.length < 5) {
    messages.push(cause instanceof Error ? cause.message || cause.name : String(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return messages.join(": ");
}

/** Where an error was thrown, and where its causes were: the frames alone. */
function printStack(error: Error): string {
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const own = frames.map((line) => line.trim()).join(" ");
  return error.cause instanceof Error ? `${own} caused by ${printStack(error.cause)}` : own;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}… (${text.length} characters)` : text;
}

/** A `=` inside needs no quotes, since blanks do: public keys end in one. */
function quoteIfNeeded(text: string): string {
  return /^[^\s"'\\\p{Cc}\p{Cf}\p{Cs}]+$/u.test(text) ? text : escape(JSON.stringify(text));
}

function escape(text: string): string {
  return text.replaceAll(HIDDEN, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
  ).join("");
}
