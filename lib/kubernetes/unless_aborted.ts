/**
 * What is being leased, unless the signal is aborted first: credentials may lie on a disk that hangs,
 * and a plugin takes its time. A lease that comes too late is given back.
 *
 * @throws the signal's reason when that is aborted.
 */
export function unlessAborted<Lease extends Disposable>(
  leasing: Promise<Lease>,
  signal: AbortSignal,
): Promise<Lease> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  const taken = leasing.then((lease) => {
    if (!signal.aborted) return lease;
    lease[Symbol.dispose]();
    throw signal.reason;
  });
  return Promise.race([aborted.promise, taken]).finally(() => {
    signal.removeEventListener("abort", abort);
  });
}
