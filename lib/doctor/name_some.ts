/** So many are named of a list that may be long. */
const NAMED = 4;

/** The first few of a list, and how many more there are: `a, b, c, d and 12 more`. */
export function nameSome(items: readonly string[]): string {
  const named = items.slice(0, NAMED).join(", ");
  return items.length > NAMED ? `${named} and ${items.length - NAMED} more` : named;
}
