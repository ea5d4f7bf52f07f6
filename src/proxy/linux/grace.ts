/** Programs are killed at the signal, and are gone before anything is undone; longer than that nobody waits. */
const GRACE_MS = 3000;

/** Work under a signal that comes a moment after the given one. */
export async function withGrace<Result>(
  signal: AbortSignal,
  work: (late: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => late.abort(signal.reason), GRACE_MS);
  };
  signal.throwIfAborted();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(late.signal);
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}
