import type { VerifyWish } from '../../../../src/job/job-spec.ts';
import { MANIFEST_NAME } from '../../../../src/job/plan.ts';
import { SnaphookError } from '../../../../src/ports/errors.ts';
import type {
  DiskToMount,
  DiskToRelease,
  FileSystems,
  MountedVolume,
  Volume,
} from '../../../../src/ports/file-systems.ts';
import type { ShadowCopy } from '../../../../src/ports/guest.ts';
import { deviceId } from '../../../../src/ports/identity.ts';
import type { Images } from '../../../../src/ports/images.ts';
import { linkedBase, recordsOf } from './linked-base.ts';

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
    mountedIn: async () => volumes.filter(({ state }) => state === 'mounted').length,
    preflightChecks: async () => undefined,
    readWhole: async (_, volume, path) => {
      calls.did.push(`read ${path} of ${volume}`);
      return { bytes: 1 };
    },
    writeIndex: async (_, { path, volumes: indexed }) => {
      calls.did.push(`index ${indexed.join(' ')}`);
      site.files.set(`/export/${path}`, { sizeBytes: 1, bornAtMs: 0 });
      return { path, sizeBytes: 1, blake2b: '00', entries: 1 };
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
  const { run, array, site } = await linkedBase({
    spec: {
      ...(images === undefined && { files: { onUnreadable } }),
      ...(verify !== 'nothing' && {
        verify: typeof verify === 'boolean' ? { fileSystems: verify, files: [], applications: [] } : verify,
      }),
    },
    captured: { grade, evidence: { guest: { freeze: { shadowCopies } } } },
    more: hasMore ? MORE : [],
    portsOf: (memory) => {
      const write: Images['write'] = async (directory, { path, format, sizeBytes }) => {
        calls.did.push(`write ${path}`);
        memory.files.set(`${directory}/${path}`, { sizeBytes, bornAtMs: 0 });
        return {
          path,
          format,
          sizeBytes,
          dataBytes: 1,
          contentHash: { algorithm: 'blake2b-512-tree', leafBytes: 1, value: '00' },
        };
      };
      const writeRecord: Images['writeRecord'] = (directory, record, signal) => {
        calls.did.push(`write ${record.name}`);
        return recordsOf(memory)(directory, record, signal);
      };
      return { fileSystems, images: { ...memory.ports.images, write, writeRecord } };
    },
  });
  const manifest = () => JSON.parse(site.files.get(`/export/${MANIFEST_NAME}`)?.text ?? '{}');
  return { run, array, site, calls, manifest };
}
