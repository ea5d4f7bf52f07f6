import { eachUnlessAborted, hangingCalls } from '../../../src/platform/unless-aborted.ts';

/** Yields 1 and then waits until it is told to go on. */
function halting() {
  const seen = { isEnded: false, goOn: () => {} };
  const gate = new Promise<void>((resolve) => {
    seen.goOn = resolve;
  });
  async function* numbers(): AsyncGenerator<number, void, undefined> {
    try {
      yield 1;
      await gate;
      yield 2;
    } finally {
      seen.isEnded = true;
    }
  }
  return { seen, numbers: numbers() };
}

test('who is given things in turn does not wait for the next one beyond the signal; the giver is ended when it comes back', async () => {
  const { seen, numbers } = halting();
  const abort = new AbortController();
  const given = eachUnlessAborted(numbers, abort.signal);
  await given.next();

  const next = given.next();
  abort.abort(new Error('too late'));

  await expect(next).rejects.toThrow('too late');
  expect(seen.isEnded).toBe(false);
  expect(hangingCalls()).toBeGreaterThan(0);
  seen.goOn();
  while (hangingCalls() > 0) await new Promise(setImmediate);
  expect(seen.isEnded).toBe(true);
});

test('who stops asking, or asks to the end, has the giver ended', async () => {
  const never = new AbortController().signal;
  const stopped = halting();
  for await (const _ of eachUnlessAborted(stopped.numbers, never)) break;
  expect(stopped.seen.isEnded).toBe(true);

  const whole = halting();
  whole.seen.goOn();
  const all: number[] = [];
  for await (const one of eachUnlessAborted(whole.numbers, never)) all.push(one);
  expect(all).toEqual([1, 2]);
  expect(whole.seen.isEnded).toBe(true);
});
