import type { Checker } from './check-volume.ts';
import { setFatMarksAside } from './fat-marks.ts';
import type { Flaw, FoundVolume } from './volumes.ts';

/** How a kind of file system is mounted and checked. */
export interface FileSystemKind {
  /** As `mount` calls it. */
  readonly type: string;
  /** As `/proc/filesystems` has it, if that is another name. */
  readonly kernelName?: string;
  /** The program that `mount` needs for it. */
  readonly helper?: string;
  readonly options: readonly string[];
  readonly checker: Checker;
  /**
   * The checker also counts as defects what the guest's own system lives with: it is asked where the job itself wants file systems
   * checked, and where nothing was written at the instant. Absent: it is asked whenever file systems are checked.
   */
  readonly isStrict?: true;
  /** Done before the check, on the copy: without it the checker would find what is no defect. */
  readonly beforeCheck?: (device: string) => Promise<void>;
  /** Windows may keep shadow copies in it. */
  readonly holdsShadowCopies?: true;
  /** fuse2fs reads it, for which nobody needs root. */
  readonly isForUsers?: true;
  /** `kernel`: a read-only mount of a writable device replays the journal. `none`: there is no journal. `nobody`: it stays as it is. */
  readonly replay: 'kernel' | 'none' | 'nobody';
}

/** What a guest's superblock says is to be done at an error could be to stop this machine. */
const EXT: Omit<FileSystemKind, 'type'> = {
  options: ['errors=remount-ro'],
  checker: ['e2fsck', '-f', '-n'],
  replay: 'kernel',
  isForUsers: true,
};

/** By the word of libblkid. */
const KINDS: Readonly<Record<string, FileSystemKind>> = {
  ext2: { ...EXT, type: 'ext2', replay: 'none' },
  ext3: { ...EXT, type: 'ext3' },
  ext4: { ...EXT, type: 'ext4' },
  // Two VMs out of one template have the same id, which is no reason to refuse the second.
  xfs: { type: 'xfs', options: ['nouuid'], checker: ['xfs_repair', '-n'], replay: 'kernel' },
  // The whole tree with all subvolumes, whichever of them is the default; a balance that was interrupted is not gone on with.
  btrfs: {
    type: 'btrfs',
    options: ['subvolid=5', 'skip_balance'],
    checker: ['btrfs', 'check', '--readonly'],
    replay: 'kernel',
  },
  vfat: {
    type: 'vfat',
    options: [],
    checker: ['fsck.fat', '-n'],
    isStrict: true,
    beforeCheck: setFatMarksAside,
    replay: 'none',
  },
  // ntfsclone compares, before it writes anything, the map of clusters with what all files together use.
  ntfs: {
    type: 'ntfs-3g',
    kernelName: 'fuseblk',
    helper: 'mount.ntfs-3g',
    options: [],
    checker: ['ntfsclone', '--save-image', '--metadata', '--quiet', '--force', '--overwrite', '/dev/null'],
    isStrict: true,
    holdsShadowCopies: true,
    replay: 'nobody',
  },
};

const NO_FILES: Readonly<Record<string, string>> = {
  swap: 'it is swap',
  swsuspend: 'it is the image of a suspended system',
};

/** By the type in the partition table. */
const NO_FILES_TYPES: Readonly<Record<string, string>> = {
  '21686148-6449-6e6f-744e-656564454649': 'it is the part of a boot loader (BIOS boot partition)',
  '9e1a2d38-c612-4316-aa26-8b49521e5a8b': 'it is the part of a boot loader (PReP)',
  'e3c9e316-0b5c-4db8-817d-f92df00215ae': 'it is space that Windows reserves',
};

/** Windows' own tools to repair itself: no guest writes to their file system, and none copies it. */
const RECOVERY_TYPES = new Set(['0x27', 'de94bba4-06d1-4d40-a16a-bfd50179d6ac']);

const DYNAMIC_DISK_TYPES = new Set([
  '0x42',
  '5808c8aa-7e8f-42e0-85d2-e1e90434cfb3',
  'af9b60a0-1431-4f62-bc68-3311714a69ad',
]);

const CONTAINERS: Readonly<Record<string, string>> = {
  LVM2_member: 'it is a physical volume of LVM',
  crypto_LUKS: 'it is encrypted (LUKS)',
  BitLocker: 'it is encrypted (BitLocker)',
  linux_raid_member: 'it is a part of a software RAID',
  VMFS: 'it is a datastore',
  VMFS_volume_member: 'it is a datastore',
};

export type Judged =
  | { readonly as: 'mountable'; readonly kind: FileSystemKind }
  | { readonly as: 'no-files' | 'unreadable' | 'damaged'; readonly why: string };

const FLAWS: Readonly<Record<Flaw, Judged>> = {
  'several-signatures': { as: 'unreadable', why: 'it bears the signatures of several file systems' },
  'file-system-and-table': {
    as: 'unreadable',
    why: 'the disk bears both a partition table and the signature of what it holds',
  },
  'beyond-the-disk': { as: 'damaged', why: 'it reaches beyond the end of the disk' },
  'table-lost': { as: 'damaged', why: 'its partition table (GPT) cannot be found' },
  'inner-table': { as: 'unreadable', why: 'it has a partition table of its own' },
  'no-partitions': { as: 'no-files', why: 'its partition table is empty' },
};

/** What can be made of a volume, by its signature and by the type in the partition table. */
export function judge({ holds, partitionType = '', flaw }: FoundVolume): Judged {
  if (DYNAMIC_DISK_TYPES.has(partitionType)) return { as: 'unreadable', why: 'it is a part of a dynamic disk' };
  if (RECOVERY_TYPES.has(partitionType)) return { as: 'no-files', why: 'it is a recovery partition of Windows' };
  if (flaw !== undefined) return FLAWS[flaw];
  const withoutFiles = holds === undefined ? NO_FILES_TYPES[partitionType] : NO_FILES[holds];
  if (withoutFiles !== undefined) return { as: 'no-files', why: withoutFiles };
  if (holds === undefined) return { as: 'unreadable', why: 'nothing that is known is on it' };
  const kind = KINDS[holds];
  return kind
    ? { as: 'mountable', kind }
    : { as: 'unreadable', why: CONTAINERS[holds] ?? `"${holds}" cannot be mounted here` };
}
