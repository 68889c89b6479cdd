/**
 * What is waited for, if it comes in time; what comes later is nobody's.
 *
 * @param what names it in the error.
 * @throws {Error} if it does not.
 */
export async function within<T>(limitMs: number, what: string, answer: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`${what} is not there after ${limitMs / 1000} s`));
  }, limitMs);
  try {
    return await Promise.race([answer, over]);
  } finally {
    clearTimeout(timer);
  }
}
