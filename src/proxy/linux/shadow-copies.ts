import { mkdir, readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../../platform/ensure-folder.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Refusal } from './check-volume.ts';
import { attachLoop } from './loop-devices.ts';
import { bearsMark, type LoopMark, NODES, nodeOf, ROOTS_ALONE } from './loop-marks.ts';
import { mountsBelow, unmount } from './mounts.ts';
import { hasProgram, runProgram } from './programs.ts';

const LIST = 'vshadowinfo';
const MOUNT = 'vshadowmount';

interface OpenShadowCopy {
  /** As it was asked for. */
  readonly id: string;
  /** All bytes of the volume as they were when the copy was made. */
  readonly file: string;
}

/** `none`: the volume holds none of those that were wanted. */
export type FoundShadowCopy =
  | (OpenShadowCopy & { readonly state: 'open' })
  | { readonly state: 'refused'; readonly refusal: Refusal }
  | { readonly state: 'none' };

interface ShadowedVolume {
  readonly devicePath: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly mark: LoopMark;
}

/**
 * That shadow copy of these which an NTFS volume holds, as a file. vshadowmount (libvshadow) shows it, in a folder of root's outside
 * of every hand-over directory, as long as that is mounted: `closeShadowCopy` and `releaseShadowCopies` end it.
 */
export async function openShadowCopy(
  { devicePath, offsetBytes, sizeBytes, mark }: ShadowedVolume,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<FoundShadowCopy> {
  for (const program of [LIST, MOUNT]) {
    if (!(await hasProgram(program))) {
      return refused(`its guest left a shadow copy, and program "${program}" is not in the PATH of the hook`);
    }
  }
  const loop = await attachLoop(devicePath, { offsetBytes, sizeBytes, isWritable: false, mark }, signal);
  try {
    const listed = await runProgram(LIST, [loop.device], signal);
    if (listed.exitCode !== 0) return refused(`${LIST} says ${listed.exitCode ?? 'nothing'}: ${listed.said}`);
    const found = wanted
      .flatMap((id) => parseShadowCopies(listed.stdout).map((one) => ({ ...one, id, isIt: isSameId(id, one.id) })))
      .find(({ isIt }) => isIt);
    if (!found) return { state: 'none' };
    const folder = `${nodeOf(devicePath, mark)}${SHADOW}${offsetBytes}`;
    await ensureFolder(NODES, ROOTS_ALONE);
    await mkdir(folder, { mode: ROOTS_ALONE });
    const mounted = await runProgram(MOUNT, [loop.device, folder], signal);
    if (mounted.exitCode === 0) return { state: 'open', id: found.id, file: path.join(folder, `vss${found.store}`) };
    await rmdir(folder);
    return refused(`${MOUNT} says ${mounted.exitCode ?? 'nothing'}: ${mounted.said}`);
  } finally {
    // vshadowmount has it open by now; without one it vanishes.
    await loop.close();
  }
}

const refused = (why: string): FoundShadowCopy => ({ state: 'refused', refusal: ['unreadable', why] });

/** In the name of the folder, between that of the device and the place of the volume. */
const SHADOW = '.shadow-';

/** Braces and upper case are how Windows writes what libvshadow writes without. */
const isSameId = (a: string, b: string): boolean => plain(a) === plain(b);
const plain = (id: string): string => id.replace(/[{}]/g, '').toLowerCase();

/** What vshadowinfo lists: each store by its number, from 1, as vshadowmount numbers its files. */
export function parseShadowCopies(text: string): readonly { readonly store: number; readonly id: string }[] {
  return text.split(/^Store: /m).flatMap((part) => {
    const [, store] = /^(\d+)\n/.exec(part) ?? [];
    const [, id] = /^\s*Shadow copy ID\s*: ([0-9a-f-]{36})$/m.exec(part) ?? [];
    return store === undefined || id === undefined ? [] : [{ store: Number(store), id }];
  });
}

/** Under which name of ours the device is known whose shadow copy is this file; undefined: it is no file of `openShadowCopy`. */
export function markOfShadowCopy(file: string): string | undefined {
  const folder = path.dirname(file);
  return path.dirname(folder) === NODES && folder.includes(SHADOW) ? markIn(folder) : undefined;
}

const markIn = (folder: string): string => folder.slice(0, folder.lastIndexOf(SHADOW));

/** Ends those of that disk on one of these devices (undefined: on any). What uses one of their files has to be unmounted before. */
export async function releaseShadowCopies(
  mark: LoopMark,
  devicePaths: readonly string[] | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  for (const name of await readdir(NODES).catch(() => [])) {
    const folder = path.join(NODES, name);
    if (!name.includes(SHADOW) || !(await bearsMark(markIn(folder), mark, devicePaths))) continue;
    await endIn(folder, clock, signal);
  }
}

export const closeShadowCopy = ({ file }: OpenShadowCopy, clock: Clock, signal: AbortSignal): Promise<void> =>
  endIn(path.dirname(file), clock, signal);

async function endIn(folder: string, clock: Clock, signal: AbortSignal): Promise<void> {
  for (const mount of await mountsBelow(folder)) await unmount(mount.mountPoint, clock, signal);
  await rmdir(folder);
}
