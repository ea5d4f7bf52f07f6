import { foldJournal } from '../../../src/job/journal.ts';

const lines = (...records: readonly (readonly [kind: string, data: object])[]) =>
  records.map(([kind, data], index) => ({ seq: index + 1, at: '2026-05-10T12:00:00Z', kind, data }));

const sessionAfter = (...records: readonly (readonly [string, object])[]) =>
  foldJournal(
    'run',
    lines(['opened', { version: 1, context: {} }], ['login', { key: 'k1' }], ['planned', {}], ...records),
  ).vcenterSessions;

test('a hook that dies before or in the freeze window leaves the key of its vCenter session to whoever cleans up', () => {
  const intent = (step: string) => ['intent', { step }] as const;
  expect(sessionAfter()).toEqual(['k1']);
  expect(sessionAfter(intent('guests'), intent('capture'))).toEqual(['k1']);
  expect(sessionAfter(intent('guests'), intent('capture'), ['done', { step: 'capture', result: {} }])).toEqual(['k1']);
});

test.each(['link', 'hot-add'])('a hook that has begun with "%s" has ended it', (step) => {
  expect(sessionAfter(['intent', { step }])).toEqual([]);
});

test('a session beside it, for changes, is ended by its own record', () => {
  expect(sessionAfter(['login', { key: 'k2' }])).toEqual(['k1', 'k2']);
  expect(sessionAfter(['login', { key: 'k2' }], ['logout', { key: 'k2' }])).toEqual(['k1']);
});
