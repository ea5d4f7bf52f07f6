import { SnaphookError } from '../../ports/errors.ts';
import type { DiskToRelease, ForeignMount } from '../../ports/file-systems.ts';
import { isInFolder, isSameFolder } from './mount-folders.ts';
import type { PowerShell } from './powershell-session.ts';
import { CMDLETS } from './powershell-text.ts';
import { disksOf, isSamePath, keyOf, partitionsOf, type WindowsPartition } from './windows-disks.ts';

interface MountedPartition {
  readonly partition: WindowsPartition;
  readonly accessPath: string;
}

/** What is mounted at the folder or below it. */
export async function accessPathsIn(
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
export const isOf = ({ devicePaths }: DiskToRelease, diskPath: string): boolean =>
  devicePaths?.some((one) => isSamePath(one, diskPath)) ?? true;

/**
 * Takes the mounts of the disk away, and the disk offline where they were: that dismounts what is still open. A path alone proves nothing,
 * without MPIO another disk has it by now: one that is online and not mounted here is left to `releaseDevices`, which knows identities.
 */
export async function releaseMounts(
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
  if (disk.devicePaths !== undefined)
    await takeOffline(
      shell,
      ours.map(({ partition }) => partition.DiskId),
      signal,
    );
  const left = await accessPathsIn(shell, folder, signal);
  const still = left.find(({ partition }) => isOf(disk, partition.DiskId));
  if (still) throw stillThere(`"${still.accessPath}" is still mounted on the proxy`);
  return left.map(({ partition, accessPath }) => ({ mountPoint: accessPath, device: partition.DiskId }));
}

/** The disks at these paths. */
export async function takeOffline(shell: PowerShell, diskPaths: readonly string[], signal: AbortSignal): Promise<void> {
  const online = async () =>
    (await disksOf(shell, signal)).filter(
      ({ Path, IsOffline }) => !IsOffline && diskPaths.some((one) => isSamePath(one, Path)),
    );
  for (const { UniqueId } of await online()) await shell.request(CMDLETS.setOffline(UniqueId, true), signal);
  const [left] = await online();
  if (left) throw stillThere(`device "${left.Path}" is still online on the proxy`);
}

export const stillThere = (message: string, cause?: unknown): SnaphookError =>
  new SnaphookError('E_PROXY', message, {
    cause,
    hint: 'See who uses it and the System event log of the proxy, then run `snaphook reap --apply`.',
  });
