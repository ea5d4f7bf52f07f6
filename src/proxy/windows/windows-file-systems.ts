import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { firstFileBelow } from '../../platform/first-file-below.ts';
import { insideOf } from '../../platform/inside-of.ts';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { FileSystems, ForeignMount, Volume, VolumePlace } from '../../ports/file-systems.ts';
import { isSameFolder, makeMountFolder, removeMountFolders } from './mount-folders.ts';
import { kindOf, refusedByType } from './partition-kinds.ts';
import type { PowerShell } from './powershell-session.ts';
import { CMDLETS } from './powershell-text.ts';
import { accessPathsIn, releaseMounts } from './release-mounts.ts';
import { awaitShadowCopies } from './shadow-copies.ts';
import { countLinks, linkShadowCopy, releaseLinks } from './shadow-links.ts';
import {
  disksOf,
  isSamePath,
  keyOf,
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
 * A disk with shadow copies that are wanted stays writable, as the volumes themselves are not handed over: links to the copies are, which
 * nobody can write to.
 */
export function createWindowsFileSystems(shell: PowerShell, clock: Clock, seen: SeenDevices): FileSystems {
  return {
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
      const holdsCopies = await openWritable(shell, clock, disk, shadowCopies, signal);
      if (!holdsCopies) await makeReadOnly(shell, disk, signal);
      const found = await volumesOn(shell, clock, disk, signal);
      await removeLetters(shell, found, signal);
      const volumes: Volume[] = [];
      const where = { root, folder, shadowCopies, isWritable: holdsCopies };
      for (const one of found) volumes.push(await mountOne(shell, one, where, signal));
      return volumes.length > 0 ? volumes : [withoutPartitions(disk)];
    },

    async mountedIn(directory, disks, signal) {
      const root = await rootOf(directory);
      let count = 0;
      for (const disk of disks) {
        const folder = insideOf(root, disk.folder);
        count += (await accessPathsIn(shell, folder, signal)).length;
        count += await countLinks(shell, folder, disk, signal);
      }
      return count;
    },

    async release(directory, disks, signal) {
      const root = await rootOf(directory);
      const foreign: ForeignMount[] = [];
      for (const disk of disks) {
        const folder = insideOf(root, disk.folder);
        foreign.push(...(await releaseLinks(shell, folder, disk, signal)));
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

/**
 * Leaves the disk online and writable, with the journals of its volumes at their end. The attribute is set while the disk is offline, so
 * that no volume is mounted across it. Does a volume hold one of these shadow copies? Of a disk that is read-only Windows tells of none.
 */
async function openWritable(
  shell: PowerShell,
  clock: Clock,
  disk: WindowsDisk,
  shadowCopies: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const id = disk.UniqueId;
  if (!disk.IsOffline) await shell.request(CMDLETS.setOffline(id, true), signal);
  await shell.request(CMDLETS.setReadOnly(id, false), signal);
  await shell.request(CMDLETS.setOffline(id, false), signal);
  await shell.request(CMDLETS.refreshLayout(id), signal);
  const found = await volumesOn(shell, clock, disk, signal);
  const readable = found
    .filter(({ partition, volume }) => volume && !refusedByType(partition) && 'holds' in kindOf(volume))
    .flatMap(({ volume }) => volume ?? []);
  for (const { Path } of readable) await shell.request(CMDLETS.flush(Path), signal);
  if (shadowCopies.length === 0) return false;
  await removeLetters(shell, found, signal);
  const ntfs = readable.filter(({ FileSystem }) => FileSystem === 'NTFS');
  return (await awaitShadowCopies(shell, clock, ntfs, shadowCopies, signal)) > 0;
}

async function makeReadOnly(
  shell: PowerShell,
  { UniqueId: id, Path }: WindowsDisk,
  signal: AbortSignal,
): Promise<void> {
  await shell.request(CMDLETS.setOffline(id, true), signal);
  await shell.request(CMDLETS.setReadOnly(id, true), signal);
  await shell.request(CMDLETS.setOffline(id, false), signal);
  const now = (await disksOf(shell, signal)).find(({ UniqueId }) => UniqueId === id);
  if (now?.IsReadOnly && !now.IsOffline) return;
  throw new SnaphookError('E_PROXY', `device "${Path}" is not online and read-only on the proxy`, {
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

/** Windows gives a letter to every volume that it does not know yet; a mount point at which nothing is to be found by chance. */
async function removeLetters(shell: PowerShell, found: readonly FoundVolume[], signal: AbortSignal): Promise<void> {
  for (const { partition } of found) {
    for (const letter of partition.AccessPaths.filter((one) => /^[A-Za-z]:\\?$/.test(one))) {
      await shell.request(CMDLETS.removeAccessPath(keyOf(partition), letter), signal);
    }
  }
}

interface Where {
  readonly root: string;
  readonly folder: string;
  /** Ids of those that the guest left: what stood still is in these, and not in the volumes. */
  readonly shadowCopies: readonly string[];
  /** The disk is not read-only. */
  readonly isWritable: boolean;
}

async function mountOne(
  shell: PowerShell,
  { partition, volume }: FoundVolume,
  { root, folder, shadowCopies, isWritable }: Where,
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
  const unreadable = (why: string): Volume => ({ ...place, state: 'unreadable', why });
  const relative = `${folder}/part${partition.PartitionNumber}`;
  const mountPoint = insideOf(root, relative);
  const mounted = { ...place, state: 'mounted', path: relative, checkedBy: undefined, fstab: [] } as const;
  if (shadowCopies.length > 0 && volume && kind.holds === 'ntfs') {
    const request = { volume, link: mountPoint, partition: partition.PartitionNumber };
    const copy = await linkShadowCopy(shell, request, shadowCopies, signal);
    if (copy) return { ...mounted, shadowCopy: copy.id };
    return unreadable('Windows tells of no shadow copy in it that its guest left, and the guest may have been writing');
  }
  if (isWritable) return unreadable('its disk has to be writable while the shadow copy of another volume is read');
  await makeMountFolder(mountPoint);
  await shell.request(CMDLETS.addAccessPath(keyOf(partition), mountPoint), signal);
  const [at] = await accessPathsIn(shell, mountPoint, signal);
  if (at && isSamePath(at.partition.DiskId, partition.DiskId) && at.partition.Offset === partition.Offset) {
    return mounted;
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
