import { newRunId, runOfSnapshotName, safeFileName, snapshotName } from '../../../src/job/names.ts';

test('the name of a snapshot carries its run and fits the array limit of 32 characters', () => {
  const id = newRunId(new Date('2026-11-22T12:00:00Z'), 'abc123');

  expect(snapshotName(id)).toMatch(/^snaphook-[0-9a-z-]+$/);
  expect(snapshotName(id).length).toBeLessThanOrEqual(32);
  expect(runOfSnapshotName(snapshotName(id))).toBe(id);
});

test('later runs sort after earlier ones', () => {
  const early = newRunId(new Date('2026-11-22T12:00:00Z'), 'zzzzzz');
  const late = newRunId(new Date('2026-11-22T12:00:01Z'), 'aaaaaa');

  expect([late, early].sort()).toEqual([early, late]);
});

test.each(['nightly', 'snaphook-', 'snaphook-xyz', 'SNAPHOOK-mb3k2j1f-x8q2zk', 'snaphook-mb3k2j1f-x8q2zk-2'])(
  'the foreign name %j belongs to no run',
  (name) => {
    expect(runOfSnapshotName(name)).toBeUndefined();
  },
);

test.each([
  ['../../etc/passwd', 'etc-passwd'],
  ['..', 'unnamed'],
  ['SQL 01 / Prod', 'SQL-01-Prod'],
  ['Zürich', 'Zu-rich'],
  ['', 'unnamed'],
  ['a'.repeat(200), 'a'.repeat(64)],
  ['.hidden', 'hidden'],
  ['x\u0000y\n', 'x-y'],
])('the outside name %j becomes the file name %j', (outside, safe) => {
  expect(safeFileName(outside)).toBe(safe);
});
