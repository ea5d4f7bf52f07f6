import { cleanUpRun } from '../../../src/job/run-record.ts';
import { World } from './worlds/world.ts';
import type { RunSeed } from './worlds/world-seed.ts';

const seed: RunSeed = {
  array: 0,
  job: 0,
  ageMinutes: 600,
  disks: 1,
  source: 0,
  reached: 6,
  last: 'done',
  journal: 'restored',
  handedOver: true,
  oldForm: false,
  establishedAfterSeconds: 10,
  reuse: 'free',
};
const quiet = {
  strangers: [],
  includeWaiting: true,
  jobAtWork: undefined,
  staleLock: false,
  unborn: false,
  clockSkewSeconds: 0,
};
const IMAGE = '/export/job-0/vm/hard-disk-1.raw';

async function undoWith(others: readonly RunSeed[], sizeBytes: number) {
  const { site } = new World({ ...quiet, runs: [seed, ...others] });
  site.files.set(IMAGE, { sizeBytes, bornAtMs: 0 });
  const [id = ''] = site.journals.keys();
  await cleanUpRun(site.ports, id, 'recovered');
  return { isLeft: site.files.has(IMAGE), warned: site.warnings.length > 0 };
}

test('an image without any manifest goes if it is as the run wrote it', async () => {
  expect(await undoWith([], 100)).toEqual({ isLeft: false, warned: false });
});

test('an image of another size is told and left alone', async () => {
  expect(await undoWith([], 101)).toEqual({ isLeft: true, warned: true });
});

test('in a directory that another open run has planned nothing is removed without a manifest', async () => {
  expect(await undoWith([{ ...seed, journal: 'open', reached: 2 }], 100)).toEqual({ isLeft: true, warned: true });
});
