/** The JSON object; an empty one in place of anything else, of whose shape nothing is taken for granted. */
export function record(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null ? json as Record<string, unknown> : {};
}

/** The JSON list; an empty one in place of anything else. */
export function list(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [];
}

/** The text; an empty one in place of anything else. */
export function text(json: unknown): string {
  return typeof json === "string" ? json : "";
}
