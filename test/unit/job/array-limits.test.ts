import { checkArrayLimits } from '../../../src/job/array-limits.ts';
import { DEFAULT_LIMITS, type JobSpec } from '../../../src/job/job-spec.ts';
import type { SourceDevice } from '../../../src/job/sources.ts';
import { arrayId, deviceId, instanceUuid, wwn } from '../../../src/ports/identity.ts';
import type { Device, SourceLoad } from '../../../src/ports/storage-array.ts';
import { limitsOf } from '../../../src/powermax/source-loads.ts';
import { jobSpec } from './job-spec.ts';

const { signal } = new AbortController();
const ID = deviceId('00010');

const spec = jobSpec();

const source = (change: Partial<Device> = {}): SourceDevice => ({
  device: {
    id: ID,
    effectiveWwn: wwn('0'.repeat(32)),
    wwn: undefined,
    identifier: undefined,
    cylinders: 100,
    emulation: 'FBA',
    type: 'TDEV',
    snapshotSource: true,
    linkTarget: false,
    storageGroups: [],
    maskingViews: [],
    ...change,
  },
  holds: 'disk',
  disks: [
    { vm: instanceUuid('11111111-2222-3333-4444-555555555555'), vmName: 'sql01', key: 2000, label: 'Hard disk 1' },
  ],
  diskBytes: 1,
  datastore: undefined,
  vmfsUuid: undefined,
});

interface Case {
  /** `untold`: the array tells nothing of the device. */
  readonly load?: Partial<SourceLoad> | 'untold';
  readonly device?: Partial<Device>;
  readonly sources?: number;
  readonly spec?: Partial<JobSpec>;
  readonly microcode?: string;
}

const check = ({ load = {}, device, sources = 1, spec: change, microcode = '5978.711.711' }: Case) =>
  checkArrayLimits(
    {
      id: arrayId('000197900046'),
      limits: async () => limitsOf(microcode),
      sourceLoads: async () =>
        load === 'untold' ? [] : [{ device: ID, snapshots: 1, linkedTargets: 1, isRestoring: false, ...load }],
    },
    Array.from({ length: sources }, () => source(device)),
    { ...spec, ...change },
    signal,
  );

test.each<[string, Case]>([
  ['a source with snapshots of others', {}],
  ['one place left for a snapshot', { load: { snapshots: 1023 } }],
  ['one place left before 5978.669', { load: { snapshots: 255 }, microcode: '5978.444.444' }],
  ['one place left for a link', { load: { linkedTargets: 1023 } }],
  ['links that a list does not tell', { load: { linkedTargets: undefined } }],
  ['as many devices as a group takes', { sources: 4096 }],
  ['the longest life', { spec: { timeToLiveHours: 9600 } }],
  ['the shortest life for these limits', { spec: { timeToLiveHours: 1 } }],
])('%s is fine', async (_what, one) => {
  await expect(check(one)).resolves.toEqual([]);
});

test('a source with snapshots of which the array tells nothing is told as not looked at', async () => {
  await expect(check({ load: 'untold' })).resolves.toEqual([
    expect.stringMatching(/^not looked at: .*00010.*"000197900046"/),
  ]);
  await expect(check({ load: 'untold', device: { snapshotSource: false } })).resolves.toEqual([]);
});

test.each<[string, Case, string, string]>([
  [
    'no place for a snapshot',
    { load: { snapshots: 1024 } },
    'E_ARRAY_LIMIT',
    'device "00010" (disk "Hard disk 1" of VM "sql01") has 1024 snapshots',
  ],
  ['no place before 5978.669', { load: { snapshots: 256 }, microcode: '5978.444.444' }, 'E_ARRAY_LIMIT', 'keeps 256'],
  ['no place on HYPERMAX OS', { load: { snapshots: 256 }, microcode: '5977.1131.1131' }, 'E_ARRAY_LIMIT', 'keeps 256'],
  ['no place for a link', { load: { linkedTargets: 1024 } }, 'E_ARRAY_LIMIT', '1024 linked targets'],
  ['a restore at work', { load: { isRestoring: true } }, 'E_DEVICE_UNFIT', 'is being restored'],
  ['a source that is a target', { device: { linkTarget: true } }, 'E_DEVICE_UNFIT', 'is itself linked'],
  ['more devices than a group takes', { sources: 4097 }, 'E_ARRAY_LIMIT', '4097 devices'],
  ['a life beyond 400 days', { spec: { timeToLiveHours: 9601 } }, 'E_CONFIG', 'beyond'],
  [
    'a life shorter than the hook',
    { spec: { timeToLiveHours: 2, limits: { ...DEFAULT_LIMITS, deadlineMs: 3 * 3_600_000 } } },
    'E_CONFIG',
    'timeToLiveHours of job "nightly" is 2, shorter',
  ],
])('%s is refused by name and with a way out', async (_what, one, code, message) => {
  await expect(check(one)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
    hint: expect.stringMatching(/\w+/),
  });
});
