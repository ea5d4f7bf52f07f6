import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { firstFileBelow } from '../../platform/first-file-below.ts';
import { insideOf } from '../../platform/inside-of.ts';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { DiskToRelease, FileSystems, ForeignMount, Volume, VolumePlace } from '../../ports/file-systems.ts';
import { isInFolder, isSameFolder, makeMountFolder, removeMountFolders } from './mount-folders.ts';
import { kindOf, refusedByType } from './partition-kinds.ts';
import type { PowerShell } from './powershell-session.ts';
import { CMDLETS, type PartitionKey } from './powershell-text.ts';
import {
  disksOf,
  isSamePath,
  partitionsOf,
  requireElevated,
  type SeenDevices,
  volumesOf,
  type WindowsDisk,
  type WindowsPartition,
  type WindowsVolume,
} from './windows-disks.ts';

/** Windows makes volumes of partitions a moment after their disk is online. */
const VOLUMES_MS = 10_000;
const POLL_MS = 200;

/**
 * File systems of disks, mounted by a Windows proxy to folders. A disk goes online twice: writable, where Windows brings the journals of
 * its volumes to their end, then read-only, as it is handed over. What Windows checks by itself when it mounts is all the check there is.
 */
export function createWindowsFileSystems(shell: PowerShell, clock: Clock, seen: SeenDevices): FileSystems {
  return {
    opensShadowCopies: false,

    async preflight(directory, folders, signal) {
      await requireElevated(shell, signal);
      const root = await rootOf(directory);
      for (const folder of folders) await requireEmpty(insideOf(root, folder));
    },

    async preflightChecks({ fileSystems, files, fileHashes, applications }) {
      if (fileSystems || files || fileHashes || applications.length > 0) throw notVerified();
    },

    readWhole: () => Promise.reject(notVerified()),
    writeIndex: () => Promise.reject(notVerified()),
    probe: () => Promise.reject(notVerified()),

    async mount(directory, { folder, devicePath, shadowCopies = [] }, _, signal) {
      const root = await rootOf(directory);
      const disk = seen.find(await disksOf(shell, signal), devicePath);
      if (!disk) {
        throw new SnaphookError('E_PROXY_DEVICE', `device "${devicePath}" is not the one that was seen there`, {
          hint: 'Check the paths of the device on the proxy (mpclaim -s -d, System event log).',
        });
      }
      await replayJournals(shell, clock, disk, signal);
      const found = await volumesOn(shell, clock, disk, signal);
      await removeLetters(shell, found, signal);
      const volumes: Volume[] = [];
      const where = { root, folder, isWrittenTo: shadowCopies.length > 0 };
      for (const one of found) volumes.push(await mountOne(shell, one, where, signal));
      return volumes.length > 0 ? volumes : [withoutPartitions(disk)];
    },

    async mountedIn(directory, folders, signal) {
      const root = await rootOf(directory);
      let count = 0;
      for (const folder of folders) count += (await accessPathsIn(shell, insideOf(root, folder), signal)).length;
      return count;
    },

    async release(directory, disks, signal) {
      const root = await rootOf(directory);
      const foreign: ForeignMount[] = [];
      for (const disk of disks) {
        const folder = insideOf(root, disk.folder);
        foreign.push(...(await releaseMounts(shell, folder, disk, signal)));
        const mountPoints = (await partitionsOf(shell, signal)).flatMap(({ AccessPaths }) => AccessPaths);
        await removeMountFolders(root, folder, mountPoints);
      }
      return foreign;
    },
  };
}

const notVerified = (): SnaphookError =>
  new SnaphookError(
    'E_PROXY',
    'nothing can be verified before the hand-over on a Windows proxy, and the job asks for it',
    {
      hint: 'Take `verify` out of the job, or run it on a Linux proxy.',
    },
  );

const rootOf = (directory: string): Promise<string> => realpath(directory).catch(() => path.resolve(directory));

async function requireEmpty(folder: string): Promise<void> {
  const inTheWay = await firstFileBelow(folder);
  if (inTheWay === undefined) return;
  throw new SnaphookError('E_EXPORT', `"${folder}" is not empty: "${inTheWay}" belongs to no open run`, {
    hint: '`snaphook reap` tells whose it is. Each job needs a hand-over directory of its own.',
  });
}

/** Leaves the disk online and read-only. The attribute is set while the disk is offline, so that no volume is mounted across it. */
async function replayJournals(shell: PowerShell, clock: Clock, disk: WindowsDisk, signal: AbortSignal): Promise<void> {
  const id = disk.UniqueId;
  if (!disk.IsOffline) await shell.request(CMDLETS.setOffline(id, true), signal);
  await shell.request(CMDLETS.setReadOnly(id, false), signal);
  await shell.request(CMDLETS.setOffline(id, false), signal);
  await shell.request(CMDLETS.refreshLayout(id), signal);
  for (const { volume } of await volumesOn(shell, clock, disk, signal)) {
    if (volume && 'holds' in kindOf(volume)) await shell.request(CMDLETS.flush(volume.Path), signal);
  }
  await shell.request(CMDLETS.setOffline(id, true), signal);
  await shell.request(CMDLETS.setReadOnly(id, true), signal);
  await shell.request(CMDLETS.setOffline(id, false), signal);
  const now = (await disksOf(shell, signal)).find(({ UniqueId }) => UniqueId === id);
  if (now?.IsReadOnly && !now.IsOffline) return;
  throw new SnaphookError('E_PROXY', `device "${disk.Path}" is not online and read-only on the proxy`, {
    hint: 'See the System event log of the proxy.',
  });
}

interface FoundVolume {
  readonly partition: WindowsPartition;
  readonly volume: WindowsVolume | undefined;
}

/** Waits for the volumes of partitions that should have one, for a while. */
async function volumesOn(
  shell: PowerShell,
  clock: Clock,
  { Path }: WindowsDisk,
  signal: AbortSignal,
): Promise<readonly FoundVolume[]> {
  const untilMs = clock.monotonicMs() + VOLUMES_MS;
  for (;;) {
    const partitions = (await partitionsOf(shell, signal)).filter(({ DiskId }) => isSamePath(DiskId, Path));
    const volumes = await volumesOf(shell, signal);
    const found = partitions.map((partition) => ({
      partition,
      volume: volumes.find((volume) => partition.AccessPaths.some((one) => isSameFolder(one, volume.Path))),
    }));
    const isMissing = ({ partition, volume }: FoundVolume) => volume === undefined && !refusedByType(partition);
    if ((found.length > 0 && !found.some(isMissing)) || clock.monotonicMs() >= untilMs) return found;
    await clock.sleep(POLL_MS, signal);
  }
}

const keyOf = ({ DiskId, Offset }: WindowsPartition): PartitionKey => ({ diskId: DiskId, offsetBytes: Offset });

/** Windows gives a letter to every volume that it does not know yet; a mount point at which nothing is to be found by chance. */
async function removeLetters(shell: PowerShell, found: readonly FoundVolume[], signal: AbortSignal): Promise<void> {
  for (const { partition } of found) {
    for (const letter of partition.AccessPaths.filter((one) => /^[A-Za-z]:\\?$/.test(one))) {
      await shell.request(CMDLETS.removeAccessPath(keyOf(partition), letter), signal);
    }
  }
}

async function mountOne(
  shell: PowerShell,
  { partition, volume }: FoundVolume,
  {
    root,
    folder,
    isWrittenTo,
  }: {
    readonly root: string;
    readonly folder: string;
    /** What stood still is in shadow copies, and not in the volumes. */
    readonly isWrittenTo: boolean;
  },
  signal: AbortSignal,
): Promise<Volume> {
  const kind = refusedByType(partition) ?? kindOf(volume);
  const place: VolumePlace = {
    partition: partition.PartitionNumber,
    partitionUuid: partition.Guid.replace(/[{}]/g, '').toLowerCase() || undefined,
    offsetBytes: partition.Offset,
    sizeBytes: partition.Size,
    holds: 'holds' in kind ? kind.holds : undefined,
    uuid: undefined,
    label: volume?.FileSystemLabel || undefined,
  };
  if (!('holds' in kind)) return { ...place, ...kind };
  if (isWrittenTo && kind.holds === 'ntfs') {
    const why =
      'its guest left shadow copies, which are not opened on a Windows proxy, and may have been writing to it';
    return { ...place, state: 'unreadable', why };
  }
  const relative = `${folder}/part${partition.PartitionNumber}`;
  const mountPoint = insideOf(root, relative);
  await makeMountFolder(mountPoint);
  await shell.request(CMDLETS.addAccessPath(keyOf(partition), mountPoint), signal);
  const [at] = await accessPathsIn(shell, mountPoint, signal);
  if (at && isSamePath(at.partition.DiskId, partition.DiskId) && at.partition.Offset === partition.Offset) {
    return { ...place, state: 'mounted', path: relative, checkedBy: undefined, fstab: [] };
  }
  throw new SnaphookError('E_PROXY', `partition ${partition.PartitionNumber} is not mounted at "${mountPoint}"`, {
    hint: 'See the System event log of the proxy.',
  });
}

const withoutPartitions = ({ Size }: WindowsDisk): Volume => ({
  partition: undefined,
  partitionUuid: undefined,
  offsetBytes: 0,
  sizeBytes: Size,
  holds: undefined,
  uuid: undefined,
  label: undefined,
  state: 'unreadable',
  why: 'Windows finds no partition on it',
});

interface MountedPartition {
  readonly partition: WindowsPartition;
  readonly accessPath: string;
}

/** What is mounted at the folder or below it. */
async function accessPathsIn(
  shell: PowerShell,
  folder: string,
  signal: AbortSignal,
): Promise<readonly MountedPartition[]> {
  return (await partitionsOf(shell, signal)).flatMap((partition) =>
    partition.AccessPaths.filter((one) => isSameFolder(one, folder) || isInFolder(folder, one)).map((accessPath) => ({
      partition,
      accessPath,
    })),
  );
}

/** The last that a mount is known by: where its disk was seen. */
const isOf = ({ devicePaths }: DiskToRelease, diskPath: string): boolean =>
  devicePaths?.some((one) => isSamePath(one, diskPath)) ?? true;

/**
 * Takes the mounts of the disk away, and the disk offline where they were: that dismounts what is still open. A path alone proves nothing,
 * without MPIO another disk has it by now: one that is online and not mounted here is left to `releaseDevices`, which knows identities.
 */
async function releaseMounts(
  shell: PowerShell,
  folder: string,
  disk: DiskToRelease,
  signal: AbortSignal,
): Promise<readonly ForeignMount[]> {
  const ours = (await accessPathsIn(shell, folder, signal)).filter(({ partition }) => isOf(disk, partition.DiskId));
  for (const { partition, accessPath } of ours) {
    await shell.request(CMDLETS.removeAccessPath(keyOf(partition), accessPath), signal);
  }
  // Where nobody knows whose the mounts were, they may have been of a disk that the proxy needs.
  if (disk.devicePaths !== undefined) await takeOffline(shell, ours, signal);
  const left = await accessPathsIn(shell, folder, signal);
  const still = left.find(({ partition }) => isOf(disk, partition.DiskId));
  if (still) throw stillThere(`"${still.accessPath}" is still mounted on the proxy`);
  return left.map(({ partition, accessPath }) => ({ mountPoint: accessPath, device: partition.DiskId }));
}

async function takeOffline(
  shell: PowerShell,
  mounted: readonly MountedPartition[],
  signal: AbortSignal,
): Promise<void> {
  const online = async () =>
    (await disksOf(shell, signal)).filter(
      ({ Path, IsOffline }) => !IsOffline && mounted.some(({ partition }) => isSamePath(partition.DiskId, Path)),
    );
  for (const { UniqueId } of await online()) await shell.request(CMDLETS.setOffline(UniqueId, true), signal);
  const [left] = await online();
  if (left) throw stillThere(`device "${left.Path}" is still online on the proxy`);
}

const stillThere = (message: string): SnaphookError =>
  new SnaphookError('E_PROXY', message, {
    hint: 'See who uses it and the System event log of the proxy, then run `snaphook reap --apply`.',
  });
