import type { FreezeResults } from '../freeze/freeze-results.ts';
import { judgeRealFreezes } from './real-freezes.ts';
import { jsonOf } from './report.ts';
import { emptyTotals } from './totals.ts';

const GOOD: FreezeResults = {
  realFreezeCycles: 1000,
  worstOverrunMs: 1000,
  frozenAtEnd: 0,
  complete: true,
  helper: 'this one',
};
const judge = (change: Partial<FreezeResults> = {}) => judgeRealFreezes({ ...GOOD, ...change }, 'this one');

test('a thousand real freezes that ended in time are figures of the table', () => {
  expect(judge()).toEqual({ cycles: 1000, worstOverrunMs: 1000, problems: [] });
});

test.each([
  ['of another helper', { helper: 'an older one' }],
  ['of another helper, bad as they are', { helper: 'an older one', frozenAtEnd: 1 }],
  ['of a loop that was broken off', { complete: false, realFreezeCycles: 7 }],
] as const)('figures %s are none', (_, change) => {
  expect(judge(change)).toBeUndefined();
  expect(JSON.parse(jsonOf(emptyTotals(), judge(change)))).toMatchObject({
    realFreezeCycles: null,
    realWorstOverrunMs: null,
  });
});

test.each([
  ['a file system that stays frozen', { frozenAtEnd: 1 }],
  ['a file system that stays frozen, and ends the loop', { frozenAtEnd: 1, complete: false }],
  ['a freeze that lasts too long', { worstOverrunMs: 1001 }],
  ['too few freezes', { realFreezeCycles: 999 }],
] as const)('%s is a broken promise', (_, change) => {
  expect(judge(change)?.problems).toHaveLength(1);
  expect(JSON.parse(jsonOf(emptyTotals(), judge(change)))).toMatchObject({ outcomes: { 'broken: realFreezes': 1 } });
});
