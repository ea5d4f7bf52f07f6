import type { Keep } from '../../../src/job/job-spec.ts';
import type { KeptState, ListedSnapshot } from '../../../src/job/kept-snapshots.ts';
import { overdueSnapshots } from '../../../src/job/retention.ts';
import { arrayId, deviceId, instanceUuid } from '../../../src/ports/identity.ts';

const NOW = new Date('2026-11-25T12:00:00Z');
const DAY_MS = 24 * 3_600_000;
const byJob: Keep = { label: undefined, days: 30, rule: 'job' };

interface Made {
  readonly daysOld: number;
  readonly state?: KeptState;
  readonly isGood?: boolean;
  readonly keep?: Keep | undefined;
  readonly vm?: number;
}

const snapshot = (made: Made): ListedSnapshot => ({
  runId: `${made.vm ?? 1}/${made.daysOld}`,
  job: 'nightly',
  label: undefined,
  array: arrayId('000197900046'),
  name: 'any',
  snapId: 1,
  devices: [deviceId('00001')],
  takenAt: new Date(NOW.getTime() - made.daysOld * DAY_MS),
  expiresAt: undefined,
  keep: 'keep' in made ? made.keep : byJob,
  vms: [
    {
      name: 'sql01',
      instanceUuid: instanceUuid(`00000000-0000-0000-0000-00000000000${made.vm ?? 1}`),
      role: 'selected',
      grade: 'application',
      disks: [],
    },
  ],
  isGood: made.isGood ?? true,
  state: made.state ?? 'present',
  linkedTargets: [],
});

const overdue = (made: readonly Made[], retention: Parameters<typeof overdueSnapshots>[1] = { days: 30, count: 2 }) =>
  overdueSnapshots(made.map(snapshot), retention, NOW).map(({ snapshot: { runId } }) => runId);

test('beyond the count the oldest go, counted for each set of VMs by itself', () => {
  expect(overdue([{ daysOld: 1 }, { daysOld: 2 }, { daysOld: 3 }, { daysOld: 4 }])).toEqual(['1/3', '1/4']);
  expect(overdue([{ daysOld: 1 }, { daysOld: 2 }, { daysOld: 3, vm: 2 }])).toEqual([]);
});

test('older than the days of the job go, also when there are few', () => {
  expect(overdue([{ daysOld: 1 }, { daysOld: 30 }])).toEqual(['1/30']);
  expect(overdue([{ daysOld: 1 }, { daysOld: 29.9 }])).toEqual([]);
});

test('the newest good one stays however old it is, also when newer ones have a lower grade', () => {
  expect(overdue([{ daysOld: 40 }])).toEqual([]);
  const lower = { isGood: false };
  const kept = [{ daysOld: 1, ...lower }, { daysOld: 2, ...lower }, { daysOld: 40 }, { daysOld: 50 }];
  expect(overdue(kept)).toEqual(['1/50']);
});

test('without any good one the newest that is there stays', () => {
  expect(
    overdue([
      { daysOld: 41, isGood: false },
      { daysOld: 42, isGood: false },
    ]),
  ).toEqual(['1/42']);
});

test('one that the array does not show is not the newest good one: the one before it stays', () => {
  expect(overdue([{ daysOld: 35, state: 'gone' }, { daysOld: 40 }])).toEqual(['1/35']);
});

test.each(['linked', 'unknown'] as const)('one whose state is %s is never deleted', (state) => {
  expect(overdue([{ daysOld: 1 }, { daysOld: 2 }, { daysOld: 3, state }, { daysOld: 50, state }])).toEqual([]);
});

test('one that the array does not show, or only in part, is left alone until its days are over', () => {
  const state = 'gone';
  expect(overdue([{ daysOld: 1 }, { daysOld: 2 }, { daysOld: 3, state }, { daysOld: 31, state }])).toEqual(['1/31']);
});

test('one that was given days of its own is not counted, and goes after these', () => {
  const keep: Keep = { label: undefined, days: 5, rule: 'own' };
  expect(overdue([{ daysOld: 1 }, { daysOld: 2 }, { daysOld: 3, keep }, { daysOld: 6, keep }])).toEqual(['1/6']);
});

test('a good one with days of its own does not take the place of the newest good one that the job made', () => {
  const keep: Keep = { label: 'before the revert', days: 60, rule: 'own' };
  const lower = { isGood: false };
  expect(overdue([{ daysOld: 1, keep }, { daysOld: 40 }, { daysOld: 50 }])).toEqual(['1/50']);
  expect(
    overdue([
      { daysOld: 1, keep },
      { daysOld: 40, ...lower },
      { daysOld: 50, ...lower },
    ]),
  ).toEqual(['1/50']);
});

test('when the job has no retention any more, each goes after the days it was made for', () => {
  expect(overdue([{ daysOld: 1 }, { daysOld: 29 }, { daysOld: 30 }], undefined)).toEqual(['1/30']);
});

test('of one whose journal is lost nobody knows how long it was to be kept: it stays', () => {
  expect(overdue([{ daysOld: 1 }, { daysOld: 2 }, { daysOld: 99, keep: undefined }])).toEqual([]);
});
