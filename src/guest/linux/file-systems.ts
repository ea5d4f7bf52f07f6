import { BlockDevices, type Foundation } from './block-devices.ts';
import type { HelperBlock, HelperMount } from './freeze-helper-protocol.ts';
import type { EventOf } from './helper-facts.ts';

/** One file system that is to be frozen, once, however often it is mounted. */
export interface PlannedFileSystem {
  /** `major:minor`, as the guest compares it. */
  readonly device: string;
  readonly mountPoint: string;
  /** Serials, as they were asked for, of the captured disks under it. */
  readonly diskUuids: readonly string[];
}

export type FreezePlan =
  | {
      readonly kind: 'possible';
      /** In the order in which they are frozen. */
      readonly fileSystems: readonly PlannedFileSystem[];
      /** Captured disks with swap space and nothing else. */
      readonly swapDisks: readonly string[];
      /** What may change on captured disks while the file systems stand still, each with the reason. */
      readonly notFreezable: readonly string[];
    }
  /** The guest shows no disk of these serials. */
  | { readonly kind: 'disks-not-shown'; readonly diskUuids: readonly string[] }
  /** A part of this file system lies on disks of which no snapshot is taken. */
  | { readonly kind: 'partly-captured'; readonly mountPoint: string; readonly otherDisks: readonly string[] };

/** Kinds whose driver implements FIFREEZE for this one machine; gfs2 and ocfs2 would stop other machines too. */
const FREEZABLE = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'jfs', 'nilfs2', 'reiserfs']);
/** Nobody can write to these. */
const UNCHANGING = new Set(['squashfs', 'iso9660', 'udf', 'erofs', 'cramfs', 'romfs']);
/** FAT is what firmware reads at boot: written by installers and updates of the boot loader only. */
const BOOT_PATHS = /^\/(boot|efi)(\/|$)/;
const BOOT_KINDS = new Set(['vfat', 'msdos']);
/** Kinds that spread over devices and have a device number of their own: on which disks they lie, a mount may not tell. */
const POOLED = new Set(['btrfs', 'zfs', 'bcachefs']);
/**
 * A partition that nobody mounts and that is not larger holds no data: second stages of boot loaders (BIOS boot and PReP partitions)
 * and the head of an extended partition.
 */
const LARGEST_BOOT_PARTITION_BYTES = 8 * 1024 * 1024;

interface Mounted extends Foundation {
  readonly device: string;
  readonly fileSystem: string;
  readonly mountPoint: string;
  readonly diskUuids: readonly string[];
  /** Place in the table of mounts: later ones may rest on earlier ones. */
  readonly order: number;
}

/** What has to be frozen so that these disks stand still, and in which order. */
export function planFreeze(facts: Omit<EventOf<'facts'>, 'event'>, diskUuids: readonly string[]): FreezePlan {
  const blocks = new BlockDevices(facts);
  const shown = new Map(diskUuids.map((uuid) => [uuid, blocks.disksWithSerial(uuid)]));
  const notShown = diskUuids.filter((uuid) => shown.get(uuid)?.length === 0);
  if (notShown.length > 0) return { kind: 'disks-not-shown', diskUuids: notShown };
  const captured = new Map([...shown].flatMap(([uuid, names]) => names.map((name) => [name, uuid] as const)));
  const mounted = superblocks(facts.mounts, blocks, captured);
  const freezable = mounted.filter(({ fileSystem }) => FREEZABLE.has(fileSystem));
  for (const { mountPoint, disks } of freezable) {
    const otherDisks = [...disks].filter((name) => !captured.has(name));
    if (otherDisks.length > 0) return { kind: 'partly-captured', mountPoint, otherDisks };
  }
  return {
    kind: 'possible',
    fileSystems: inFreezeOrder(freezable).map(({ device, mountPoint, diskUuids: uuids }) => ({
      device,
      mountPoint,
      diskUuids: uuids,
    })),
    swapDisks: diskUuids.filter((uuid) => shown.get(uuid)?.every((disk) => isSwapOnly(disk, blocks, facts.swaps))),
    notFreezable: [
      ...mounted
        .filter(mayChangeUnheld)
        .map(({ mountPoint, fileSystem }) => `${mountPoint} (${fileSystem}, which cannot be frozen)`),
      ...ofUnknownDisks(facts.mounts, blocks),
      ...unmountedOn([...captured.keys()], facts, blocks),
    ],
  };
}

/** Every mounted superblock that rests on a captured disk, with one mount point to reach it by. */
function superblocks(
  mounts: readonly HelperMount[],
  blocks: BlockDevices,
  captured: ReadonlyMap<string, string>,
): readonly Mounted[] {
  const devices = [...new Set(mounts.map(({ device }) => device))];
  return devices.flatMap((device) => {
    const entries = [...mounts.entries()].filter(([, mount]) => mount.device === device);
    const best = entries.sort(([a, one], [b, other]) => reach(one, a, mounts) - reach(other, b, mounts) || a - b)[0];
    if (!best) return [];
    const [order, mount] = best;
    const foundation = blocks.foundationOfMount(mount);
    const uuids = new Set([...(foundation?.disks ?? [])].flatMap((name) => captured.get(name) ?? []));
    if (!foundation || uuids.size === 0) return [];
    const { fileSystem, mountPoint } = mount;
    return [{ device, fileSystem, mountPoint, order, diskUuids: [...uuids], ...foundation }];
  });
}

/** Which mount of a superblock to open; lower is better: not hidden under another mount, its root, a short path. */
function reach(mount: HelperMount, index: number, mounts: readonly HelperMount[]): number {
  const covers = ({ mountPoint }: HelperMount) =>
    mountPoint === mount.mountPoint || (mountPoint !== '/' && mount.mountPoint.startsWith(`${mountPoint}/`));
  const hidden = mounts.slice(index + 1).some(covers);
  return (hidden ? 2_000_000 : 0) + (mount.root === '/' ? 0 : 1_000_000) + mount.mountPoint.length;
}

/** Last mounted first and `/` last, but always a file system before the one that holds the image it lies in. */
function inFreezeOrder(fileSystems: readonly Mounted[]): readonly Mounted[] {
  const preferred = [...fileSystems].sort(
    (one, other) => Number(one.mountPoint === '/') - Number(other.mountPoint === '/') || other.order - one.order,
  );
  const ordered: Mounted[] = [];
  const reached = new Set<Mounted>();
  const add = (fileSystem: Mounted): void => {
    if (reached.has(fileSystem)) return;
    reached.add(fileSystem);
    for (const inner of preferred) if (inner.hosts.has(fileSystem.device)) add(inner);
    ordered.push(fileSystem);
  };
  for (const fileSystem of preferred) add(fileSystem);
  return ordered;
}

function isSwapOnly(disk: string, blocks: BlockDevices, swaps: readonly string[]): boolean {
  const tops = blocks.topsOn(disk);
  return tops.length > 0 && tops.every(({ name }) => swaps.includes(`/dev/${name}`));
}

/** Wherever they are mounted: they may lie on a captured disk. */
function ofUnknownDisks(mounts: readonly HelperMount[], blocks: BlockDevices): readonly string[] {
  const isUntold = (mount: HelperMount) =>
    !UNCHANGING.has(mount.fileSystem) &&
    (POOLED.has(mount.fileSystem) || !mount.device.startsWith('0:')) &&
    blocks.blocksOf(mount) === undefined;
  const untold = new Map(mounts.filter(isUntold).map((mount) => [mount.device, mount]));
  return [...untold.values()].map(
    ({ mountPoint, fileSystem }) => `${mountPoint} (${fileSystem}, whose disks are not told)`,
  );
}

/** Devices that hold no mounted file system and no swap: databases and others write to such devices themselves. */
function unmountedOn(
  disks: readonly string[],
  { mounts, swaps }: Pick<EventOf<'facts'>, 'mounts' | 'swaps'>,
  blocks: BlockDevices,
): readonly string[] {
  const mounted = new Set(mounts.flatMap((mount) => blocks.blocksOf(mount) ?? []));
  const isBootPartition = ({ parent, sizeBytes }: HelperBlock) =>
    parent !== '' && sizeBytes > 0 && sizeBytes <= LARGEST_BOOT_PARTITION_BYTES;
  const tops = disks
    .flatMap((disk) => blocks.topsOn(disk))
    .filter((top) => !mounted.has(top.name) && !swaps.includes(`/dev/${top.name}`) && !isBootPartition(top));
  return [...new Set(tops.map(({ name }) => `/dev/${name} (neither mounted nor swap)`))];
}

function mayChangeUnheld({ fileSystem, mountPoint }: Mounted): boolean {
  if (FREEZABLE.has(fileSystem) || UNCHANGING.has(fileSystem)) return false;
  return !(BOOT_KINDS.has(fileSystem) && BOOT_PATHS.test(mountPoint));
}
