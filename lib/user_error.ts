/**
 * A fault that the user can mend: a bad flag, an unreadable file, a missing right. The program
 * prints its message alone (no stack) and ends with exit status 2. The message names the culprit
 * (flag, node or file) and says what to do. Everything else that is thrown is our fault: exit 1.
 */
export class UserError extends Error {
  override name = "UserError";
}

/** What was thrown, as one line of text for a log or an error message. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ");
}
