/** How long to wait for what a test expects, in ms. */
const LIMIT = 30_000;

/**
 * Asks until the answer is not undefined, at most 30 s.
 *
 * @param what what is waited for, for the error.
 * @param context more for the error, asked when it is made.
 */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined> | Answer | undefined,
  context: () => string = () => "",
): Promise<Answer> {
  const end = Date.now() + LIMIT;
  while (true) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`not within ${LIMIT / 1000} s: ${what}\n${context()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
