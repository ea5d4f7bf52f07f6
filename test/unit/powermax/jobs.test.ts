import { followJob, jobIdOf } from '../../../src/powermax/jobs.ts';
import { classify } from '../../../src/powermax/messages.ts';
import type { Reply } from '../../../src/powermax/reply.ts';
import { jumpingClock } from './jumping-clock.ts';

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
