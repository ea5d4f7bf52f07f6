import { compareGrades } from './grade-histories.ts';
import { runSchedule } from './schedule.ts';
import { addSchedule, emptyTotals, isWell } from './totals.ts';

const FIRST_SEEDS = Array.from({ length: 100 }, (_, index) => index + 1);

/** Seeds that found a defect of the product once; `docs/chaos.md` tells which. */
const TRACK_RECORD = [1113, 1209, 1389, 84, 1361, 693, 33, 98, 156, 17, 3753, 357, 819, 1803, 419, 2934];

describe('hooks that meet faults, deaths and strangers', () => {
  const totals = emptyTotals();
  beforeAll(async () => {
    for (const seed of [...FIRST_SEEDS, ...TRACK_RECORD]) addSchedule(totals, await runSchedule(seed));
  }, 120_000);

  test('keep their promises, seed after seed', () => {
    expect(totals.failures.map(({ seed, what }) => `npm run chaos -- --seed ${seed}: ${what}`)).toEqual([]);
    expect(isWell(totals)).toBe(true);
  });

  test('are met by what they are for: good and bad endings of every hook', () => {
    for (const outcome of [
      'pre ok',
      'pre degraded',
      'pre killed',
      'pre E_LEFTOVERS',
      'pre E_GRADE',
      'pre E_INTERRUPTED',
      'post ok',
      'reap ok',
    ])
      expect([outcome, totals.outcomes[outcome]]).toEqual([outcome, expect.any(Number)]);
    expect(totals.unguardedFreezes).toBeGreaterThan(0);
    expect(Object.keys(totals.met)).toEqual(
      expect.arrayContaining(['array.establish', 'array.link', 'guest.freeze', 'guest.thaw', 'journal.append']),
    );
  });
});

test('a seed is a whole story: told twice it is the same to the last call', async () => {
  for (const seed of [3, 17, 42]) {
    const first = await runSchedule(seed, { isTraced: true });
    const second = await runSchedule(seed, { isTraced: true });

    expect(first.trace.length).toBeGreaterThan(20);
    expect(second).toEqual(first);
  }
});

test('no grade is better than the truth, whatever was seen of a history', () => {
  const { overGraded, printed, histories, lowerThanTruth } = compareGrades(1, 10_000);

  expect(overGraded).toBe(0);
  for (const count of Object.values(printed)) expect(count).toBeGreaterThan(histories / 100);
  // A grade that is always the lowest would never be too high.
  expect(lowerThanTruth).toBeLessThan(histories / 4);
});
