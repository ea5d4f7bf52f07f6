let givenUp = 0;

/**
 * Rejects with the signal's reason as soon as it aborts, without waiting for the work. For what the kernel does for us on this machine:
 * it may hang with a device or a file system and cannot be called off. Work that comes back later must look at the signal itself.
 */
export function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    let isGivenUp = false;
    const onAbort = () => {
      isGivenUp = true;
      givenUp += 1;
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted && !isGivenUp) onAbort();
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
      if (isGivenUp) givenUp -= 1;
    });
  });
}

/**
 * Yields what the generator does, and throws the signal's reason as soon as it aborts, also while the generator waits. When that comes back
 * it is ended, as it is for who stops asking.
 */
export async function* eachUnlessAborted<Item>(
  items: AsyncGenerator<Item, void, undefined>,
  signal: AbortSignal,
): AsyncGenerator<Item, void, undefined> {
  try {
    for (;;) {
      const next = await unlessAborted(items.next(), signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Behind what it is waiting for, if it is.
    const ended = unlessAborted(items.return(), signal);
    if (signal.aborted) ended.catch(() => undefined);
    else await ended;
  }
}

/** Calls that were given up and have not come back: they hang in the kernel, or end in a moment. */
export const hangingCalls = (): number => givenUp;
