import type { Clock } from '../../../src/ports/clock.ts';
import { followJob, jobIdOf } from '../../../src/powermax/jobs.ts';
import { classify } from '../../../src/powermax/messages.ts';
import type { Reply } from '../../../src/powermax/reply.ts';

/** A clock that jumps: a sleep takes no time and moves it. */
function jumpingClock(): Clock {
  let nowMs = 0;
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    async sleep(durationMs, signal) {
      signal?.throwIfAborted();
      nowMs += durationMs;
    },
  };
}

const job = (status: string, result?: string): Reply => ({
  kind: 'done',
  body: { jobId: '1580392742209', status, result },
  serviceMs: undefined,
});
const refusal = (status: number, message: string): Reply => ({
  kind: 'refused',
  refusal: classify({ status, body: { message }, raw: '' }, 'read'),
});
const { signal } = new AbortController();

test.each([50, 100, 150, 1_000, 10_000, 28_600, 120_000])(
  'the end of a job of %i ms is noticed within a tenth of its time, with few questions',
  async (durationMs) => {
    const clock = jumpingClock();
    let asked = 0;
    const read = async () => {
      asked += 1;
      return job(clock.monotonicMs() >= durationMs ? 'SUCCEEDED' : 'RUNNING');
    };

    await expect(followJob('1', { clock, read }, signal)).resolves.toMatchObject({ kind: 'done' });

    expect(clock.monotonicMs() - Math.max(durationMs, 100)).toBeLessThanOrEqual(Math.max(20, durationMs * 0.1));
    expect(asked).toBeLessThan(90);
  },
);

test('states are compared without case and every state before the end is waited through', async () => {
  const states = ['created', 'Unscheduled', 'SCHEDULED', 'RETRIEVING_PICTURE', 'VALIDATING', 'VALIDATED', 'running'];
  const read = async () => job(states.shift() ?? 'succeeded');

  await expect(followJob('1', { clock: jumpingClock(), read }, signal)).resolves.toMatchObject({ kind: 'done' });
});

test('a failed job is a refusal in the words of the array', async () => {
  const read = async () => job('FAILED', 'it is already a Copy session Target device');

  await expect(followJob('1', { clock: jumpingClock(), read }, signal)).resolves.toMatchObject({
    kind: 'refused',
    refusal: { kind: 'already-target', effect: 'none' },
  });
});

test.each(['ABORTED', 'INVALID', 'VALIDATE_FAILED', 'UNKNOWN', ''])(
  'a job that ends as "%s" may have had effect',
  async (status) => {
    const reply = await followJob('1', { clock: jumpingClock(), read: async () => job(status) }, signal);

    expect(reply).toMatchObject({ kind: 'refused', refusal: { effect: 'unknown' } });
  },
);

test('"Cannot find role for user" is waited out a few times, then told', async () => {
  const answers = [refusal(500, 'Cannot find role for user'), refusal(500, 'Cannot find role for user')];
  const recovering = async () => answers.shift() ?? job('SUCCEEDED');
  const never = async () => refusal(500, 'Cannot find role for user');

  await expect(followJob('1', { clock: jumpingClock(), read: recovering }, signal)).resolves.toMatchObject({
    kind: 'done',
  });
  await expect(followJob('1', { clock: jumpingClock(), read: never }, signal)).rejects.toMatchObject({
    code: 'E_ARRAY_RIGHTS',
    effect: 'unknown',
  });
});

test('a job that cannot be followed any more leaves the effect unknown', async () => {
  const gone = new AbortController();
  const read = async () => {
    gone.abort(new Error('deadline'));
    return job('RUNNING');
  };

  await expect(followJob('1', { clock: jumpingClock(), read }, gone.signal)).rejects.toMatchObject({
    effect: 'unknown',
    retry: 'after-probe',
  });
});

test('only a body with a job id is a job', () => {
  expect(jobIdOf({ jobId: '1580392742209' })).toBe('1580392742209');
  expect(jobIdOf({ jobId: 1580392742209 })).toBe('1580392742209');
  expect(jobIdOf({ jobId: '../../x' })).toBeUndefined();
  expect(jobIdOf({})).toBeUndefined();
  expect(jobIdOf(undefined)).toBeUndefined();
});
