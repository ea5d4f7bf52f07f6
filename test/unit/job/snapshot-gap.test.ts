import type { JobContext, JobSpec } from '../../../src/job/job-spec.ts';
import { snapshotGapWarnings } from '../../../src/job/snapshot-gap.ts';
import { jobSpec } from './job-spec.ts';

const context: JobContext = {
  job: 'nightly',
  integration: 'bacula',
  instance: undefined,
  productRunId: '7',
  level: 'incremental',
  incrementals: 'by-time',
};
const files = { files: { onUnreadable: 'fail' } } as const;
const warned = (change: Partial<JobSpec>, told: Partial<JobContext> = {}) =>
  snapshotGapWarnings(jobSpec(change), { ...context, ...told });

test.each([['incremental'], ['differential'], ['Since'], [undefined]])(
  'files for a backup of level %s that goes by time: the warning says what is missing and what cures it',
  (level) => {
    const [warning, ...more] = warned(files, { level });

    expect(warning).toMatch(
      /by time: files that changed after the snapshot .* are missing in it; let the product compare/,
    );
    expect(warning).toContain(level === undefined ? 'unknown level' : `"${level}"`);
    expect(more).toEqual([]);
  },
);

test.each<[string, Partial<JobSpec>, Partial<JobContext>]>([
  ['a full backup', files, { level: 'full' }],
  ['a product that compares', files, { incrementals: 'by-comparison' }],
  ['a caller of whom nothing is known', files, { incrementals: undefined }],
  ['images', {}, {}],
  ['disks without a copy', { expose: 'fuse' }, {}],
  ['a job that accepts it', { ...files, snapshotGap: 'accept' }, {}],
])('%s: nothing is said', (_what, change, told) => {
  expect(warned(change, told)).toEqual([]);
});

test('a job that refuses it fails, with what to do', () => {
  expect(() => warned({ ...files, snapshotGap: 'refuse' })).toThrow(
    expect.objectContaining({ code: 'E_SNAPSHOT_GAP', hint: expect.stringContaining('compare files') }),
  );
  expect(warned({ ...files, snapshotGap: 'refuse' }, { level: 'full' })).toEqual([]);
});
