/** How long to wait for what a test expects, in ms, unless the test says otherwise. */
const LIMIT = 30_000;

/**
 * Asks until the answer is not undefined.
 *
 * @param what what is waited for, for the error.
 * @param context more for the error, asked when it is made.
 * @param limit how long to wait, in ms.
 */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined> | Answer | undefined,
  context: () => string = () => "",
  limit = LIMIT,
): Promise<Answer> {
  const end = Date.now() + limit;
  while (true) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`not within ${limit / 1000} s: ${what}\n${context()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
