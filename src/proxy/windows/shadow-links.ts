import { lstat, readdir, readlink, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../../platform/system-error.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { DiskToCount, DiskToRelease, ForeignMount } from '../../ports/file-systems.ts';
import { isSameFolder, makeMountFolder, PART_NAME } from './mount-folders.ts';
import type { PowerShell } from './powershell-session.ts';
import { CMDLETS } from './powershell-text.ts';
import { isOf, stillThere, takeOffline } from './release-mounts.ts';
import { deviceNumberIn, type FoundShadowCopy, isSameId, shadowCopyOf } from './shadow-copies.ts';
import { partitionsOf, shadowCopiesOf, type WindowsVolume } from './windows-disks.ts';

/**
 * Makes a link in the folder of the disk to the shadow copy in that volume, and looks through it. The device is looked up anew, and once
 * more behind the link: a number may have become another's. The folder of the link itself must not be there, or be empty.
 * Undefined: Windows tells of no such copy, and nothing was made. Errors: `E_EXPORT`, `E_PROXY`.
 */
export async function linkShadowCopy(
  shell: PowerShell,
  { volume, link, partition }: { readonly volume: WindowsVolume; readonly link: string; readonly partition: number },
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<FoundShadowCopy | undefined> {
  const copy = await shadowCopyOf(shell, volume, wanted, signal);
  if (copy === undefined) return undefined;
  await makeMountFolder(link);
  await rmdir(link);
  await shell.request(CMDLETS.linkShadowCopy(path.dirname(link), partition, copy.deviceNumber), signal);
  await shell.request(CMDLETS.firstEntry(link), signal);
  const now = await shadowCopyOf(shell, volume, wanted, signal);
  const leadsTo = deviceNumberIn(await readlink(link).catch(() => ''));
  if (now?.id === copy.id && now.deviceNumber === copy.deviceNumber && leadsTo === copy.deviceNumber) return copy;
  throw new SnaphookError('E_PROXY', `"${link}" does not lead to shadow copy "${copy.id}", or no longer does`, {
    hint: 'Windows gives shadow copies up when their storage is full. See the System event log of the proxy (source volsnap).',
  });
}

interface ShadowLink {
  readonly path: string;
  /** As it is read. */
  readonly target: string;
  /** The shadow copy, and the disk that it is on, as far as Windows tells of a copy with that device object now. */
  readonly on:
    | { readonly isKnown: true; readonly id: string; readonly diskPath: string }
    | { readonly isKnown: false }
    | undefined;
}

/** Links among the mount points of a disk. `on` is undefined for those that lead to no shadow copy. */
async function linksIn(shell: PowerShell, folder: string, signal: AbortSignal): Promise<readonly ShadowLink[]> {
  const found: { readonly path: string; readonly target: string }[] = [];
  for (const name of (await unlessGone(folder, readdir(folder))) ?? []) {
    const file = path.join(folder, name);
    const stats = PART_NAME.test(name) ? await unlessGone(file, lstat(file)) : undefined;
    if (stats?.isSymbolicLink()) found.push({ path: file, target: await readlink(file) });
  }
  // Nothing else needs VSS, which a machine may have switched off.
  if (found.length === 0) return [];
  const copies = await shadowCopiesOf(shell, signal);
  const partitions = await partitionsOf(shell, signal);
  return found.map((link) => {
    const number = deviceNumberIn(link.target);
    if (number === undefined) return { ...link, on: undefined };
    const copy = copies.find(({ DeviceObject }) => deviceNumberIn(DeviceObject) === number);
    if (copy === undefined) return { ...link, on: { isKnown: false } };
    const holder = partitions.find(({ AccessPaths }) => AccessPaths.some((one) => isSameFolder(one, copy.VolumeName)));
    return { ...link, on: { isKnown: true, id: copy.ID, diskPath: holder?.DiskId ?? copy.VolumeName } };
  });
}

/**
 * Links in the folder through which a wanted shadow copy of the disk is read. One that leads nowhere is no mount, nor is one whose number
 * another shadow copy has since the proxy was started anew.
 */
export async function countLinks(
  shell: PowerShell,
  folder: string,
  disk: DiskToCount,
  signal: AbortSignal,
): Promise<number> {
  const isWanted = (id: string) => disk.shadowCopies?.some((one) => isSameId(one, id)) ?? false;
  const links = await linksIn(shell, folder, signal);
  return links.filter(({ on }) => on?.isKnown && isWanted(on.id) && isOf(disk, on.diskPath)).length;
}

/**
 * Takes the links to shadow copies of the disk away, and the disk offline behind them. A link whose device is nobody's now was ours: it
 * lies in the folder of the run, and its disk is offline already. What leads to another disk, or to no shadow copy, is left alone.
 */
export async function releaseLinks(
  shell: PowerShell,
  folder: string,
  disk: DiskToRelease,
  signal: AbortSignal,
): Promise<readonly ForeignMount[]> {
  const links = await linksIn(shell, folder, signal);
  const isOurs = ({ on }: ShadowLink) => on !== undefined && (!on.isKnown || isOf(disk, on.diskPath));
  for (const { path: link } of links.filter(isOurs)) await removeLink(link);
  if (disk.devicePaths !== undefined) {
    const diskPaths = links.filter(isOurs).flatMap(({ on }) => (on?.isKnown ? on.diskPath : []));
    await takeOffline(shell, diskPaths, signal);
  }
  return links
    .filter((link) => !isOurs(link))
    .map(({ path: mountPoint, target, on }) => ({ mountPoint, device: on?.isKnown ? on.diskPath : target }));
}

/** Never what it leads to: unlike removing a folder, this is refused for everything but a link. */
async function removeLink(link: string): Promise<void> {
  try {
    await unlink(link);
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw stillThere(`link "${link}" cannot be removed`, cause);
  }
  if (await unlessGone(link, lstat(link))) throw stillThere(`link "${link}" is still there`);
}

/** Undefined: there is no such thing. What cannot be looked at may be there. */
async function unlessGone<Seen>(place: string, look: Promise<Seen>): Promise<Seen | undefined> {
  try {
    return await look;
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(cause))) return undefined;
    throw stillThere(`nobody can tell what is at "${place}"`, cause);
  }
}
