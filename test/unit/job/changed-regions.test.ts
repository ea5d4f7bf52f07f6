import { changedRegionsOf, trackedDiskOf } from '../../../src/job/changed-regions.ts';
import type { TakenVmSnapshot } from '../../../src/job/results.ts';
import type { Run } from '../../../src/job/step.ts';
import type { CommittedBands, TrackedPoint } from '../../../src/ports/bands.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { instanceUuid, moRef, wwn } from '../../../src/ports/identity.ts';

const signal = new AbortController().signal;
const VM = instanceUuid('50000000-0000-4000-8000-000000000001');
const UUID = '6000c291111122223333444455556666';
const SIZE = 1024 * 1024;
const IMAGE = {
  wwn: wwn(UUID),
  imagePath: 'sql01/disk.bands',
  imageBytes: SIZE,
  format: 'bands',
  bandBytes: 65_536,
} as const;
const RANGES = [{ startBytes: 65_536, lengthBytes: 65_536 }];

interface World {
  readonly changeId?: string | undefined;
  readonly fileName?: string;
  readonly capacityBytes?: number;
  readonly diskUuid?: string;
  readonly vm?: string;
  readonly isOnly?: boolean | undefined;
  readonly managed?: boolean;
  readonly changedAreas?: () => Promise<typeof RANGES>;
}

const calls: unknown[] = [];
const told: unknown[] = [];
beforeEach(() => {
  calls.length = 0;
  told.length = 0;
});

/** A run that has taken its VM snapshot. */
function runIn(world: World): Run {
  const { vm = 'vm-1', managed = true, changedAreas = async () => RANGES, isOnly, changeId, ...disk } = world;
  const shown = { key: 2000, diskUuid: UUID, fileName: '[vv] sql01/disk.vmdk', capacityBytes: SIZE, ...disk };
  const taken: TakenVmSnapshot = {
    vm: VM,
    moRef: moRef('snapshot-1'),
    ...('isOnly' in world ? isOnly !== undefined && { isOnly } : { isOnly: true }),
    disks: [{ ...shown, ...('changeId' in world ? changeId !== undefined && { changeId } : { changeId: '52 de/7' }) }],
  };
  const disks = [{ vm: VM, key: 2000, diskUuid: wwn(UUID), imagePath: IMAGE.imagePath, imageBytes: SIZE }];
  const vmSnapshots = {
    sessionKey: async () => undefined,
    close: async () => undefined,
    changedAreas: (of: unknown) => {
      calls.push(of);
      return changedAreas();
    },
  };
  const run = {
    plan: { vms: [{ instanceUuid: VM, moRef: moRef(vm) }], ...(managed && { managed: { disks } }) },
    ports: { vmSnapshots, reporter: { info: (_: string, fields: unknown) => void told.push(fields) } },
    journal: { state: { steps: { 'managed-capture': { at: 'done', result: { snapshots: [taken] } } } } },
  };
  return run as unknown as Run; // of a run, what is read here
}

const pointIn = (world: World = {}) => trackedDiskOf(runIn(world), IMAGE)?.point;

/** What the next run makes of the bands of a run in `before`. */
async function regions(now: World, before: World = {}, change: Partial<CommittedBands> = {}) {
  const run = runIn({ changeId: '52 de/8', ...now });
  const bands = { run: { id: 'run-1', snapshot: 's' }, sizeBytes: SIZE, bandBytes: 65_536, point: pointIn(before) };
  return changedRegionsOf(run, IMAGE, trackedDiskOf(run, IMAGE), { ...bands, ...change }, signal);
}

test('vCenter is asked for what changed since the point in time that the bands were read at', async () => {
  expect(await regions({})).toEqual({ sinceRun: 'run-1', ranges: RANGES });
  expect(calls).toEqual([{ vm: 'vm-1', snapshot: 'snapshot-1', key: 2000, capacityBytes: SIZE, changeId: '52 de/7' }]);
  expect(told).toEqual([]);
});

test('a snapshot of another name in the same folder is of the same disk', () => {
  expect(pointIn({ fileName: '[vv] sql01/disk-000001.vmdk' })).toEqual(pointIn());
});

test.each<[string, World]>([
  ['is not tracked', { changeId: undefined }],
  ['is of a VM with another snapshot', { isOnly: false }],
  ['is of a VM of which it is not known whether it has another snapshot', { isOnly: undefined }],
  ['has another size in the snapshot', { capacityBytes: SIZE + 512 }],
  ['has another serial in the snapshot', { diskUuid: '6000c291111122223333444455557777' }],
])('no point in time is kept of a disk that %s, and it is read whole', async (_what, world) => {
  expect(pointIn(world)).toBeUndefined();
  expect(await regions(world)).toBeUndefined();
  expect(calls).toEqual([]);
  expect(told).toHaveLength(1);
});

const POINT: TrackedPoint = pointIn() ?? { disk: '', changeId: '' };

test.each<[string, World, World, Partial<CommittedBands>]>([
  ['the VM is another one by the same name', { vm: 'vm-2' }, {}, {}],
  ['the disk lies in another place', { fileName: '[other] sql01/disk.vmdk' }, {}, {}],
  ['the tracking began anew', { changeId: '52 df/9' }, {}, {}],
  ['the tracking went back', { changeId: '52 de/6' }, {}, {}],
  ['the tracking did not go on', { changeId: '52 de/7' }, {}, {}],
  ['the present point has no number', { changeId: '52 de' }, {}, {}],
  ['the former point has no number', {}, { changeId: '52 de' }, {}],
  ['the former point has no series', {}, { changeId: '/7' }, {}],
  ['all allocated areas would be asked for', { changeId: '*/2' }, { changeId: '*' }, {}],
  ['the bands have no point', {}, {}, { point: undefined }],
  ['the bands are of another disk', {}, {}, { point: { ...POINT, disk: 'another' } }],
  ['the disk had another size', {}, {}, { sizeBytes: SIZE - 512 }],
  ['the bands had another length', {}, {}, { bandBytes: 4096 }],
  ['the route is another one', { managed: false }, {}, {}],
])('a disk is read whole without asking when %s', async (_what, now, before, change) => {
  expect(await regions(now, before, change)).toBeUndefined();
  expect(calls).toEqual([]);
  expect(told).toEqual([{ image: IMAGE.imagePath, because: expect.any(String) }]);
});

test('a disk without bands is read whole', async () => {
  const run = runIn({});
  expect(await changedRegionsOf(run, IMAGE, trackedDiskOf(run, IMAGE), undefined, signal)).toBeUndefined();
  expect(calls).toEqual([]);
});

test('a disk is read whole when vCenter does not tell, with its words', async () => {
  const changedAreas = () => Promise.reject(new SnaphookError('E_VCENTER', 'vCenter refused with "FileFault"'));
  expect(await regions({ changedAreas })).toBeUndefined();
  expect(told).toEqual([{ image: IMAGE.imagePath, because: 'vCenter refused with "FileFault"' }]);
});

test('a run that is ended while vCenter is asked ends', async () => {
  const ended = new AbortController();
  const changedAreas = () => {
    ended.abort(new Error('it is over'));
    return Promise.reject(new Error('cut'));
  };
  const run = runIn({ changedAreas, changeId: '52 de/8' });
  const before = { run: { id: 'run-1', snapshot: 's' }, sizeBytes: SIZE, bandBytes: 65_536, point: POINT };
  const asking = changedRegionsOf(run, IMAGE, trackedDiskOf(run, IMAGE), before, ended.signal);
  await expect(asking).rejects.toThrow('it is over');
});
