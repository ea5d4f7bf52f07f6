import { foldJournal } from '../../../src/job/journal.ts';

const lines = (...records: readonly (readonly [kind: string, data: object])[]) =>
  records.map(([kind, data], index) => ({ seq: index + 1, at: '2026-05-10T12:00:00Z', kind, data }));

const sessionAfter = (...records: readonly (readonly [string, object])[]) =>
  foldJournal(
    'run',
    lines(['opened', { version: 1, context: {} }], ['login', { key: 'k1' }], ['planned', {}], ...records),
  ).vcenterSession;

test('a hook that dies before or in the freeze window leaves the key of its vCenter session to whoever cleans up', () => {
  const intent = (step: string) => ['intent', { step }] as const;
  expect(sessionAfter()).toBe('k1');
  expect(sessionAfter(intent('guests'), intent('capture'))).toBe('k1');
  expect(sessionAfter(intent('guests'), intent('capture'), ['done', { step: 'capture', result: {} }])).toBe('k1');
});

test('a hook that links has ended it', () => {
  expect(sessionAfter(['intent', { step: 'link' }])).toBeUndefined();
});
