import type { LocalFacts } from "./local_facts.ts";

/** Whether the facts are the same, but for where peers were seen. */
export function sameFacts(a: LocalFacts, b: LocalFacts): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof LocalFacts>;
  names.delete("learned");
  return [...names].every((name) => same(a[name], b[name]));
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((one, at) => one === b[at]);
  }
  if (!(a instanceof Map && b instanceof Map) || a.size !== b.size) return false;
  for (const [key, value] of a) if (!b.has(key) || !same(value, b.get(key))) return false;
  return true;
}
