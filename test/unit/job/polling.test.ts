import { findAfterEstablish } from '../../../src/job/after-establish.ts';
import { DEFAULT_LIMITS } from '../../../src/job/job-spec.ts';
import type { Plan } from '../../../src/job/plan.ts';
import type { PlanDraft } from '../../../src/job/plan-draft.ts';
import { whenTargetsAreFree } from '../../../src/job/planner.ts';
import type { JobPorts } from '../../../src/job/ports.ts';
import type { Run } from '../../../src/job/step.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { deviceId } from '../../../src/ports/identity.ts';
import { failure } from '../../failure.ts';
import { jumpingClock } from '../powermax/jumping-clock.ts';
import { jobSpec } from './job-spec.ts';

const { signal } = new AbortController();
const bound = (durationMs: number) => durationMs + Math.max(20, durationMs * 0.1);
const none = new SnaphookError('E_TARGET_NONE', 'no free target');
const unanswered = new SnaphookError('E_ARRAY', 'no answer', { effect: 'unknown' });
const SOURCES = [deviceId('00010'), deviceId('00011')];

/** A pool whose only device is shown as free from then on. */
async function waitForTarget(freeAtMs: number, lookMs = 0) {
  const clock = jumpingClock();
  const told: string[] = [];
  const like = { cylinders: 7, emulation: 'FBA' };
  let looks = 0;
  const array = {
    inventory: async () => {
      looks += 1;
      await clock.sleep(lookMs);
      return { pool: [{ ...like, linkTarget: clock.monotonicMs() < freeAtMs }] };
    },
  };
  const draft = { array, sources: [{ device: like }], pool: [{ ...like, linkTarget: true }] } as unknown as PlanDraft;
  const ports = { clock, reporter: { info: (text: string) => void told.push(text) } } as unknown as JobPorts;
  const complete = async ({ pool }: PlanDraft) => {
    if (pool[0]?.linkTarget) throw none;
    return {} as Plan; // only that there is one
  };
  const ended = await failure(whenTargetsAreFree(ports, draft, jobSpec(), complete, signal)).catch(() => undefined);
  return { atMs: clock.monotonicMs(), looks, told, ended };
}

test.each([10, 150, 1000, 3000, 10_900])(
  'a target that becomes free after %d ms is noticed a tenth later at most',
  async (freeAtMs) => {
    const { atMs, looks, told, ended } = await waitForTarget(freeAtMs);
    expect(ended).toBeUndefined();
    expect(atMs).toBeLessThanOrEqual(bound(freeAtMs));
    expect(looks).toBeLessThan(60);
    expect(told).toHaveLength(1);
  },
);

test('a pool whose reading takes long is read no more than half of the time', async () => {
  const { looks, ended } = await waitForTarget(Number.POSITIVE_INFINITY, 1000);
  expect(ended).toBe(none);
  expect(looks).toBeLessThanOrEqual(7);
});

/** An array that shows the snapshot of each device from its time on. */
async function lookFor(shownAtMs: readonly number[], error: unknown) {
  const clock = jumpingClock();
  let looks = 0;
  const array = {
    findSnapshots: async () => {
      looks += 1;
      return SOURCES.flatMap((source, index) => (clock.monotonicMs() >= (shownAtMs[index] ?? 0) ? [{ source }] : []));
    },
  };
  const devices = SOURCES.map((device) => ({ device }));
  const limits = { ...DEFAULT_LIMITS, settleMs: 15_000 };
  const run = { plan: { spec: jobSpec({ limits }), devices, snapshotName: 'x' }, array, ports: { clock } };
  const result = findAfterEstablish(run as unknown as Run, error, signal); // what it reads of a run
  const ended = await result.then(
    (found) => found.length,
    (thrown: unknown) => thrown,
  );
  return { atMs: clock.monotonicMs(), looks, ended };
}

test.each([0, 50, 1000, 13_000])(
  'a snapshot that comes %d ms after an establish without answer is noticed a tenth later at most',
  async (lateMs) => {
    const { atMs, looks, ended } = await lookFor([lateMs, lateMs], unanswered);
    expect(ended).toBe(2);
    expect(atMs).toBeLessThanOrEqual(bound(lateMs));
    expect(looks).toBeLessThan(60);
  },
);

test('one device may show it later than another: all are waited for, as long as it may take to settle', async () => {
  expect(await lookFor([0, 4000], unanswered)).toMatchObject({ ended: 2 });
  const never = Number.POSITIVE_INFINITY;
  expect(await lookFor([0, never], unanswered)).toMatchObject({ ended: 1, atMs: 15_000 });
  expect(await lookFor([never, never], unanswered)).toMatchObject({ ended: unanswered, atMs: 15_000 });
});

test('after an establish that was answered one look is enough', async () => {
  expect(await lookFor([0, Number.POSITIVE_INFINITY], undefined)).toMatchObject({ ended: 1, looks: 1, atMs: 0 });
});
