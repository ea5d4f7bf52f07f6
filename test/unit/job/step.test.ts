import { RunJournal } from '../../../src/job/journal.ts';
import { type Probe, type Run, runStep, type Step } from '../../../src/job/step.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Journal, JournalLine } from '../../../src/ports/journal.ts';

/** What happened, in order: journal lines and calls of the step. */
let happened: string[];
let fullDisk: boolean;
let run: Run;

const clock: Clock = { now: () => new Date(0), monotonicMs: () => 0, sleep: async () => undefined };

beforeEach(async () => {
  happened = [];
  fullDisk = false;
  const lines: JournalLine[] = [];
  const file: Journal = {
    runId: 'l1k2m3n4-abcdef',
    append: async (line) => {
      if (fullDisk) throw new SnaphookError('E_JOURNAL', 'journal "x" cannot be written (ENOSPC)');
      lines.push(line);
      happened.push(line.kind);
    },
    read: async () => lines,
  };
  const journal = await RunJournal.load(file, clock);
  await journal.opened({
    job: 'j',
    integration: 'test',
    instance: undefined,
    productRunId: undefined,
    level: undefined,
  });
  // A step needs of its run no more than journal, clock and reporter; the plan is not looked at.
  await journal.append({ kind: 'planned', data: {} as never });
  const quiet = () => undefined;
  run = { journal, ports: { clock, reporter: { info: quiet, warn: quiet, progress: quiet } } } as unknown as Run;
  happened = [];
});

const lost = () => new SnaphookError('E_ARRAY', 'no answer', { effect: 'unknown', retry: 'after-probe' });
const refused = (retry: 'safe' | 'never') => new SnaphookError('E_ARRAY_BUSY', 'refused', { effect: 'none', retry });

/** A step whose tries end as listed, and whose probe answers as told. */
function stepOf(tries: readonly (string | SnaphookError)[], probe: Probe<string>, repeatable = true): Step<string> {
  const left = [...tries];
  return {
    name: 'link',
    repeatable,
    settles: true,
    async do() {
      happened.push('do');
      const next = left.shift();
      if (next === undefined) throw new Error('one try too many');
      if (typeof next !== 'string') throw next;
      return next;
    },
    async probe() {
      happened.push('probe');
      return probe;
    },
    undo: async () => undefined,
  };
}

const DONE: Probe<string> = { found: 'done', result: 'found' };
const go = (step: Step<string>) => runStep(run, step, new AbortController().signal);

test('the intent is on disk before the effect, the result after it', async () => {
  expect(await go(stepOf(['made'], DONE))).toBe('made');
  expect(happened).toEqual(['intent', 'do', 'done']);
});

test('an effect whose intent cannot be journaled is never begun', async () => {
  fullDisk = true;

  await expect(go(stepOf(['made'], DONE))).rejects.toMatchObject({ code: 'E_JOURNAL' });
  expect(happened).toEqual([]);
});

test('an effect whose answer was lost is looked for, and not repeated when it is there', async () => {
  expect(await go(stepOf([lost(), 'again'], DONE))).toBe('found');
  expect(happened).toEqual(['intent', 'do', 'probe', 'done']);
});

test('an effect whose answer was lost is repeated only when a look has shown that it did not happen', async () => {
  expect(await go(stepOf([lost(), 'again'], { found: 'not-done' }))).toBe('again');
  expect(happened).toEqual(['intent', 'do', 'probe', 'intent', 'do', 'done']);
});

test('an effect of which nothing can be found out is not repeated', async () => {
  await expect(go(stepOf([lost(), 'again'], { found: 'unknown' }))).rejects.toMatchObject({ message: 'no answer' });
  expect(happened).toEqual(['intent', 'do', 'probe']);
});

test('a step that must not be repeated is not, even when it did not happen', async () => {
  await expect(go(stepOf([lost(), 'again'], { found: 'not-done' }, false))).rejects.toMatchObject({ code: 'E_ARRAY' });
  expect(happened).toEqual(['intent', 'do', 'probe']);
});

test('a refusal is journaled as such; where a repeat is safe it is tried three times in all', async () => {
  const busy = refused('safe');

  await expect(go(stepOf([busy, busy, busy, 'fourth'], DONE))).rejects.toBe(busy);
  expect(happened).toEqual(['intent', 'do', 'refused', 'intent', 'do', 'intent', 'do']);
});

test('a refusal for good is not tried again', async () => {
  await expect(go(stepOf([refused('never'), 'again'], DONE))).rejects.toMatchObject({ code: 'E_ARRAY_BUSY' });
  expect(happened).toEqual(['intent', 'do', 'refused']);
});

test('when the look fails too, the first error is told with it', async () => {
  const first = lost();
  const blind = {
    ...stepOf([first], DONE),
    probe: () => Promise.reject(new SnaphookError('E_ARRAY_LOGIN', 'no login')),
  };

  await expect(go(blind)).rejects.toMatchObject({
    code: 'E_ARRAY',
    message: 'no answer; what it did cannot be told: no login',
    cause: first,
    effect: 'unknown',
  });
});
