import { readFileSync } from 'node:fs';
import path from 'node:path';
import { foldJournal, RunJournal } from '../../../src/job/journal.ts';
import { RUN_TRANSITIONS } from '../../../src/job/run-phase.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { Journal, JournalLine } from '../../../src/ports/journal.ts';

const SOURCE = path.join(__dirname, '../../../src/job/run-phase.ts');

/** Every `from record to` of the drawing: arrows of a line, which may be chained, and the records in brackets. */
function drawnTransitions(): readonly string[] {
  const drawing = readFileSync(SOURCE, 'utf8').split('/**\n * The life')[1]?.split('*/')[0] ?? '';
  const drawn = new Set<string>();
  for (const line of drawing.split('\n')) {
    for (const [, from, record, to] of line.matchAll(
      /(?=(?<![a-z-])([a-z]+(?:-[a-z]+)*) --([a-z-]+?)-*> ([a-z-]+))/g,
    )) {
      if (from && record && to) drawn.add(`${from} ${record} ${to}`);
    }
    const [, phase, records] = /^ \*\s+([a-z-]+)\s+\( ([a-z -]+) \)/.exec(line) ?? [];
    for (const record of records?.split(' ') ?? []) drawn.add(`${phase} ${record} ${phase}`);
  }
  return [...drawn].sort();
}

test('the drawing of the life of a run shows the transitions of the code, all of them and no other', () => {
  const coded = Object.entries(RUN_TRANSITIONS).flatMap(([from, transitions]) =>
    Object.entries(transitions).map(([record, to]) => `${from} ${record} ${to}`),
  );

  expect(drawnTransitions()).toEqual(coded.sort());
});

test('every phase but the last can be left, and every phase can be reached', () => {
  const reached = new Set(Object.values(RUN_TRANSITIONS).flatMap((transitions) => Object.values(transitions)));

  for (const [phase, transitions] of Object.entries(RUN_TRANSITIONS)) {
    expect([phase, Object.values(transitions).some((to) => to !== phase)]).toEqual([phase, phase !== 'closed']);
    expect([phase, phase === 'none' || reached.has(phase as keyof typeof RUN_TRANSITIONS)]).toEqual([phase, true]); // keys of the table
  }
});

test('a journal takes no beginning out of its place, and every ending: a run can always be closed', async () => {
  const lines: JournalLine[] = [];
  const file: Journal = {
    runId: 'l1k2m3n4-abcdef',
    append: async (line) => void lines.push(line),
    read: async () => lines,
  };
  const journal = await RunJournal.load(file, systemClock);

  await expect(journal.append({ kind: 'intent', data: { step: 'capture' } })).rejects.toThrow('never writes "intent"');
  await journal.append({ kind: 'undone', data: { step: 'capture' } });
  await journal.append({ kind: 'closed', data: { outcome: 'recovered' } });

  expect(lines.map(({ kind }) => kind)).toEqual(['undone', 'closed']);
  expect(journal.state.phase).toBe('closed');
});

test.each(['capture', 'managed-capture'] as const)(
  'a thaw is unseen from the intent of a %s until its end is journaled, and its undo does not show one',
  (step) => {
    const unseenAfter = (...kinds: readonly string[]) => {
      const lines = kinds.map((kind, seq) => ({ seq, at: '2026-01-01T00:00:00Z', kind, data: { step, result: {} } }));
      return foldJournal('l1k2m3n4-abcdef', lines).unseenThaw;
    };

    expect(unseenAfter()).toBe(false);
    expect(unseenAfter('intent')).toBe(true);
    expect(unseenAfter('intent', 'undoing', 'undone')).toBe(true);
    expect(unseenAfter('intent', 'done')).toBe(false);
  },
);
