import { DEFAULT_LIMITS, type JobSpec } from '../../../src/job/job-spec.ts';
import {
  defineWaitMs,
  forwardLimit,
  localUndoMs,
  runTimeFromNow,
  undoLimit,
  undoReserveMs,
} from '../../../src/job/run-time.ts';
import { jobSpec } from './job-spec.ts';
import { ManualClock } from './manual-clock.ts';

const spec = (limits: Partial<JobSpec['limits']> = {}): JobSpec =>
  jobSpec({ limits: { ...DEFAULT_LIMITS, ...limits } });

test('going forward and undoing share the deadline: by default 170 s and 60 s of 230 s', async () => {
  const clock = new ManualClock();
  await clock.advance(5000);
  const time = runTimeFromNow(clock, spec());

  expect(forwardLimit(clock, spec(), time)).toMatchObject({ durationMs: 170_000, code: 'E_DEADLINE' });
  await clock.advance(170_000);
  expect(undoLimit(clock, spec(), time).durationMs).toBe(60_000);
});

test('time that was spent waiting is not given again', async () => {
  const clock = new ManualClock();
  const time = runTimeFromNow(clock, spec());
  await clock.advance(100_000);

  expect(forwardLimit(clock, spec(), time).durationMs).toBe(70_000);
});

test.each([
  ['the defaults', {}],
  ['a slow thaw', { thawMs: 60_000 }],
  ['a long settling time', { settleMs: 60_000 }],
])('what is kept for undoing holds the thaw, the settling and the calls that follow: %s', (_name, change) => {
  const { limits } = spec(change);

  expect(undoReserveMs(limits)).toBeGreaterThan(limits.thawMs + limits.settleMs);
});

test('a short deadline leaves half of it for going forward', () => {
  expect(undoReserveMs(spec({ deadlineMs: 40_000 }).limits)).toBe(20_000);
});

test('who comes late to undoing still gets a little time', async () => {
  const clock = new ManualClock();
  const time = runTimeFromNow(clock, spec());
  await clock.advance(300_000);

  expect(undoLimit(clock, spec(), time).durationMs).toBe(12_000);
});

test('the wait for defined targets is shortened so that a forced unlink and a terminate still fit', async () => {
  const clock = new ManualClock();
  const { endsAtMs } = runTimeFromNow(clock, spec());
  const { limits } = spec();

  expect(defineWaitMs(clock, limits, undefined)).toBe(60_000);
  expect(defineWaitMs(clock, limits, endsAtMs)).toBe(60_000);
  await clock.advance(190_000);
  expect(defineWaitMs(clock, limits, endsAtMs)).toBe(25_000);
  await clock.advance(30_000);
  expect(defineWaitMs(clock, limits, endsAtMs)).toBeLessThanOrEqual(0);
});

test('an undo on this machine, such as in a directory that does not answer, leaves three quarters of the time for the array', async () => {
  const clock = new ManualClock();
  await clock.advance(5000);

  expect(localUndoMs(clock, DEFAULT_LIMITS, 65_000)).toBe(15_000);
  expect(localUndoMs(clock, { ...DEFAULT_LIMITS, undoMs: 1000 }, 65_000)).toBe(1000);
  expect(localUndoMs(clock, DEFAULT_LIMITS, undefined)).toBe(DEFAULT_LIMITS.undoMs);
});
