import type { JobContext, VerifyWish } from '../../../../src/job/job-spec.ts';
import { RunJournal } from '../../../../src/job/journal.ts';
import type { StepName } from '../../../../src/job/journal-records.ts';
import { MANIFEST_NAME, type Plan } from '../../../../src/job/plan.ts';
import type { Run } from '../../../../src/job/step.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { SnaphookError } from '../../../../src/ports/errors.ts';
import type {
  DiskToMount,
  DiskToRelease,
  FileSystems,
  MountedVolume,
  Volume,
} from '../../../../src/ports/file-systems.ts';
import type { ShadowCopy } from '../../../../src/ports/guest.ts';
import { arrayId, deviceId, instanceUuid, wwn } from '../../../../src/ports/identity.ts';
import type { Images } from '../../../../src/ports/images.ts';
import type { JournalLine } from '../../../../src/ports/journal.ts';
import { jobSpec } from '../job-spec.ts';
import { MemoryArray } from './memory-array.ts';
import { MemorySite } from './memory-site.ts';

const SNAPSHOT = 'snaphook-mb3k2j1f-x8q2zk-aaaaaa';
const VM = instanceUuid('00000000-0000-0000-0000-000000000001');
const SOURCE = deviceId('00101');
export const TARGET = deviceId('00501');
const TARGET_WWN = wwn('60000970000197900046533030353031');
export const DEVICE_PATH = '/dev/dm-3';
const MORE = [
  { device: deviceId('00102'), target: deviceId('00502'), imagePath: 'vm/hard-disk-2.raw' },
  { device: deviceId('00103'), target: deviceId('00503'), imagePath: 'other/hard-disk-1.raw' },
];

const place = { partitionUuid: undefined, offsetBytes: 0, sizeBytes: 1, uuid: undefined, label: undefined };
export const mounted = (partition: number): MountedVolume => ({
  ...place,
  partition,
  holds: 'ext4',
  state: 'mounted',
  path: `vm/hard-disk-1/part${partition}`,
  checkedBy: 'e2fsck',
  fstab: [],
});
export const other = (state: 'unreadable' | 'damaged' | 'no-files', partition: number): Volume => ({
  ...place,
  partition,
  holds: 'something',
  state,
  why: `it is ${state}`,
});

interface Wish {
  /** True and false: file systems alone, or nothing of them. */
  readonly verify?: boolean | VerifyWish | 'nothing';
  /** In place of files. */
  readonly images?: true;
  readonly onUnreadable?: 'fail' | 'note';
  readonly grade?: string;
  /** That the freeze left in the guest. */
  readonly shadowCopies?: readonly ShadowCopy[];
  /** The VM has a second disk, and a third one is another VM's. */
  readonly hasMore?: boolean;
}

/** A linked run whose disk has these volumes. */
export async function linkedRun(
  volumes: readonly Volume[],
  {
    verify = true,
    images = undefined,
    onUnreadable = 'fail',
    grade = 'crash',
    shadowCopies = [],
    hasMore = false,
  }: Wish = {},
) {
  const more = hasMore ? MORE : [];
  const array = new MemoryArray(arrayId('000197900046'));
  array.devices.set(TARGET, { wwn: TARGET_WWN, groups: new Set(['pool']) });
  array.snapshots.push({ name: SNAPSHOT, snapId: 7, source: SOURCE, createdAtMs: 0, targets: new Set([TARGET]) });
  for (const { device, target } of more)
    array.snapshots.push({ name: SNAPSHOT, snapId: 7, source: device, createdAtMs: 0, targets: new Set([target]) });
  // What the step and its undo read of a plan.
  const plan = {
    runId: 'mb3k2j1f-x8q2zk',
    context: {},
    snapshotName: SNAPSHOT,
    arrayId: array.id,
    array: {},
    spec: jobSpec({
      exportDirectory: '/export',
      ...(images === undefined && { files: { onUnreadable } }),
      ...(verify !== 'nothing' && {
        verify: typeof verify === 'boolean' ? { fileSystems: verify, files: [], applications: [] } : verify,
      }),
    }),
    vms: [
      {
        name: 'vm',
        instanceUuid: VM,
        disks: [SOURCE, ...more.slice(0, 1).map(({ device }) => device)].map((device, index) => ({
          key: 2000 + index,
          label: `Hard disk ${index + 1}`,
          devices: [device],
        })),
      },
    ],
    devices: [
      {
        device: SOURCE,
        target: TARGET,
        targetWwn: TARGET_WWN,
        holds: 'disk',
        imagePath: 'vm/hard-disk-1.raw',
        imageBytes: 1,
      },
      ...more,
    ],
    collateral: [],
    warnings: [],
  } as unknown as Plan;
  const site = new MemorySite(
    [array],
    { jobs: [] } as unknown as ConstructorParameters<typeof MemorySite>[1],
    new Date(0),
  );
  const calls: {
    did: string[];
    isQuiet: boolean[];
    beside: DiskToMount['beside'][];
    shadowCopies: DiskToMount['shadowCopies'][];
    released: DiskToRelease[];
    busy: boolean;
  } = {
    did: [],
    beside: [],
    shadowCopies: [],
    isQuiet: [],
    released: [],
    busy: false,
  };
  const fileSystems: FileSystems = {
    preflight: async () => undefined,
    mount: async (_, { folder, isQuiet, beside, shadowCopies: copies }, { check }) => {
      calls.beside.push(beside);
      calls.shadowCopies.push(copies);
      calls.did.push(`${check ? 'check' : 'mount'} ${folder}`);
      calls.isQuiet.push(isQuiet);
      return volumes;
    },
    preflightChecks: async () => undefined,
    readWhole: async (_, volume, path) => {
      calls.did.push(`read ${path} of ${volume}`);
      return { bytes: 1 };
    },
    probe: async (_, { kind, volume, path }) => {
      calls.did.push(`probe ${kind} ${path} of ${volume}`);
      if (path.includes('broken')) throw new SnaphookError('E_VERIFY', 'it is broken');
      return { checkedBy: 'sqlite3', found: 'ok' };
    },
    release: async (_, disks) => {
      if (calls.busy) throw new SnaphookError('E_PROXY', 'somebody reads there');
      calls.did.push('release');
      calls.released.push(...disks);
      return [];
    },
  };
  const writeRecord = async (directory: string, { name, text }: { readonly name: string; readonly text: string }) => {
    calls.did.push(`write ${name}`);
    site.files.set(`${directory}/${name}`, { sizeBytes: text.length, bornAtMs: 0, text });
  };
  const write: Images['write'] = async (directory, { path, format, sizeBytes }) => {
    calls.did.push(`write ${path}`);
    site.files.set(`${directory}/${path}`, { sizeBytes, bornAtMs: 0 });
    return {
      path,
      format,
      sizeBytes,
      dataBytes: 1,
      contentHash: { algorithm: 'blake2b-512-tree', leafBytes: 1, value: '00' },
    };
  };
  const ports = {
    ...site.ports,
    clock: systemClock,
    fileSystems,
    images: { ...site.ports.images, write, writeRecord },
  };
  const lines: JournalLine[] = [];
  const append = async (line: JournalLine) => void lines.push(line);
  const journal = await RunJournal.load({ runId: plan.runId, append, read: async () => lines }, systemClock);
  await journal.opened({} as JobContext); // who called is only kept
  await journal.append({ kind: 'planned', data: plan });
  const results: Partial<Record<StepName, unknown>> = {
    capture: { snapId: 7, vms: [{ vm: VM, grade, evidence: { guest: { freeze: { shadowCopies } } } }] },
    devices: {
      devices: [
        { target: TARGET, path: DEVICE_PATH },
        ...more.map(({ target }) => ({ target, path: `/dev/${target}` })),
      ],
    },
  };
  for (const step of ['capture', 'link', 'devices'] as const) {
    await journal.append({ kind: 'intent', data: { step } });
    await journal.append({ kind: 'done', data: { step, result: results[step] } });
  }
  const run: Run = { plan, ports, array, journal, openGuests: new Map() };
  const manifest = () => JSON.parse(site.files.get(`/export/${MANIFEST_NAME}`)?.text ?? '{}');
  return { run, array, site, calls, manifest };
}
