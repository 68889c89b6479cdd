/** Waits that many ms: where a length of time is what a test is about, or nothing can be asked. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
