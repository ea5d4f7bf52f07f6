import {
  keptSnapshotName,
  newRunId,
  parseSnapshotName,
  safeFileName,
  snapshotName,
  startOfRun,
} from '../../../src/job/names.ts';

test('the name of a snapshot carries its run and the mark, and fits the array limit of 32 characters', () => {
  const id = newRunId(new Date('2026-11-22T12:00:00Z'), 'abc123');
  const lateId = newRunId(new Date('2065-01-01T00:00:00Z'), 'abc123');

  expect(snapshotName(id, 'm4rk00')).toMatch(/^snaphook-[0-9a-z-]+$/);
  expect(snapshotName(lateId, 'm4rk00')).toHaveLength(32);
  expect(parseSnapshotName(snapshotName(id, 'm4rk00'))).toEqual({ run: id, mark: 'm4rk00', kept: false });
  expect(parseSnapshotName(`snaphook-${id}`)).toEqual({ run: id, mark: undefined, kept: false });
});

test('the name of a kept snapshot says so, and is as long', () => {
  const id = newRunId(new Date('2026-11-22T12:00:00Z'), 'abc123');

  expect(keptSnapshotName(id, 'm4rk00')).toMatch(/^snaphook-[0-9a-z-]+_m4rk00$/);
  expect(keptSnapshotName(id, 'm4rk00')).toHaveLength(snapshotName(id, 'm4rk00').length);
  expect(parseSnapshotName(keptSnapshotName(id, 'm4rk00'))).toEqual({ run: id, mark: 'm4rk00', kept: true });
});

test('a run id tells when its run began', () => {
  const start = new Date('2026-11-22T12:00:00.123Z');

  expect(startOfRun(newRunId(start, 'abc123'))).toEqual(start);
});

test('later runs sort after earlier ones', () => {
  const early = newRunId(new Date('2026-11-22T12:00:00Z'), 'zzzzzz');
  const late = newRunId(new Date('2026-11-22T12:00:01Z'), 'aaaaaa');

  expect([late, early].sort()).toEqual([early, late]);
});

test.each([
  'nightly',
  'snaphook-',
  'snaphook-xyz',
  'SNAPHOOK-mb3k2j1f-x8q2zk',
  'snaphook-mb3k2j1f-x8q2zk-2',
  'snaphook-mb3k2j1f-x8q2zk-M4RK00',
  'snaphook-mb3k2j1f_x8q2zk-m4rk00',
  'snaphook-mb3k2j1f-x8q2zk_',
])('the foreign name %j belongs to no run', (name) => {
  expect(parseSnapshotName(name)).toBeUndefined();
});

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
