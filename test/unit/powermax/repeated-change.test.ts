import { systemClock } from '../../../src/platform/clock.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { classify } from '../../../src/powermax/messages.ts';
import { changeAll, type RepeatableChange } from '../../../src/powermax/repeated-change.ts';
import type { Reply } from '../../../src/powermax/reply.ts';

const { signal } = new AbortController();
const done: Reply = { kind: 'done', body: undefined, serviceMs: undefined };
const answered = (status: number, message: string): Reply => ({
  kind: 'refused',
  refusal: classify({ status, body: { message }, raw: '' }, 'write'),
});
const busy = answered(503, '');
const lost = new SnaphookError('E_ARRAY_UNREACHABLE', 'no answer', { effect: 'unknown', retry: 'after-probe' });
const noConnection = new SnaphookError('E_ARRAY_UNREACHABLE', 'no connection', { retry: 'safe' });

/** A clock that passes only by sleeping. */
function sleptClock() {
  const pauses: number[] = [];
  const clock = {
    ...systemClock,
    monotonicMs: () => pauses.reduce((total, ms) => total + ms, 0),
    sleep: async (ms: number) => {
      pauses.push(ms);
    },
  };
  return { clock, pauses };
}

/** A change whose requests end as told, one after the other; the last one for ever. */
function scripted(ends: (Reply | Error)[], left: (items: readonly string[]) => readonly string[]) {
  const sent: (readonly string[])[] = [];
  const change: RepeatableChange<string> = {
    action: (count) => `free ${count} devices`,
    async send(items) {
      sent.push(items);
      const end = ends.length > 1 ? ends.shift() : ends[0];
      if (end instanceof Error) throw end;
      return end ?? done;
    },
    readBack: async (items) => left(items),
    isAboutState: ({ kind }) => kind !== 'forbidden',
    async stuck() {
      throw new Error('stuck');
    },
  };
  return { change, sent };
}

test.each([
  ['503', busy],
  ['a proxy', answered(504, 'server busy')],
  ['a gateway without an answer', answered(502, '')],
  ['a device lock', answered(500, 'Unable to acquire the Symmetrix device lock')],
  ['another change', answered(500, 'auto provisioning operation is already in progress')],
  ['a lost answer', lost],
])('after %s only what is left is asked for', async (_what, trouble) => {
  const { clock } = sleptClock();
  const { change, sent } = scripted([trouble, done], (items) => items.filter((item) => item !== 'a'));

  await expect(changeAll(['a', 'b'], change, { clock, firstPauseMs: 1000 }, signal)).resolves.toBe('done');
  expect(sent).toEqual([['a', 'b'], ['b']]);
});

test('what turns out to be done is not asked for again', async () => {
  const { clock, pauses } = sleptClock();
  const { change, sent } = scripted([lost], () => []);

  await expect(changeAll(['a'], change, { clock, firstPauseMs: 1000 }, signal)).resolves.toBe('found-done');
  expect([sent.length, pauses.length]).toEqual([1, 1]);
});

test('pauses double from the first to 15 s, scattered, and end after two minutes with the error', async () => {
  const { clock, pauses } = sleptClock();
  const { change } = scripted([busy], (items) => items);

  await expect(changeAll(['a'], change, { clock, firstPauseMs: 1000 }, signal)).rejects.toMatchObject({
    code: 'E_ARRAY_BUSY',
    effect: 'unknown',
    message: expect.stringContaining('free 1 devices'),
  });
  pauses.forEach((pause, index) => {
    const longest = Math.min(1000 * 2 ** index, 15_000);
    expect(pause).toBeGreaterThanOrEqual(longest / 2);
    expect(pause).toBeLessThanOrEqual(longest);
  });
  expect(clock.monotonicMs()).toBeGreaterThan(100_000);
  expect(clock.monotonicMs()).toBeLessThanOrEqual(120_000);
});

test('a look that fails while the server is starting again is taken again', async () => {
  const { clock } = sleptClock();
  let looks = 0;
  const { change, sent } = scripted([lost, noConnection, done], (items) => {
    looks += 1;
    if (looks < 3) throw noConnection;
    return items;
  });

  await expect(changeAll(['a'], change, { clock, firstPauseMs: 1000 }, signal)).resolves.toBe('done');
  expect(sent).toHaveLength(3);
});

test('a server nobody can connect to from the start is told at once', async () => {
  const { clock, pauses } = sleptClock();
  const { change, sent } = scripted([noConnection], (items) => items);

  await expect(changeAll(['a'], change, { clock, firstPauseMs: 1000 }, signal)).rejects.toBe(noConnection);
  expect([sent.length, pauses.length]).toEqual([1, 0]);
});

test('want of rights is told at once', async () => {
  const { clock, pauses } = sleptClock();
  const { change, sent } = scripted([answered(403, '')], (items) => items);

  await expect(changeAll(['a'], change, { clock, firstPauseMs: 1000 }, signal)).rejects.toMatchObject({
    code: 'E_ARRAY_RIGHTS',
  });
  expect([sent.length, pauses.length]).toEqual([1, 0]);
});

test('a refusal that the state does not explain is told at once', async () => {
  const { clock, pauses } = sleptClock();
  const { change, sent } = scripted([answered(500, 'not fully defined')], (items) => items);

  await expect(changeAll(['a'], change, { clock, firstPauseMs: 1000 }, signal)).rejects.toThrow('stuck');
  expect([sent.length, pauses.length]).toEqual([1, 0]);
});

test('the caller who gives up ends a pause with its own reason', async () => {
  const patience = new AbortController();
  const reason = new SnaphookError('E_ARRAY_BUSY', 'enough');
  const { change, sent } = scripted([busy], (items) => items);
  setImmediate(() => patience.abort(reason));

  const options = { clock: systemClock, firstPauseMs: 60_000 };
  await expect(changeAll(['a'], change, options, patience.signal)).rejects.toBe(reason);
  expect(sent).toHaveLength(1);
});
