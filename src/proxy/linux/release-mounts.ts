import { insideOf } from '../../platform/inside-of.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DiskToRelease, ForeignMount } from '../../ports/file-systems.ts';
import { FUSE_TYPE, waitForFuseEnd } from './fuse-mount.ts';
import { behindLoop } from './loop-devices.ts';
import { bearsMark } from './loop-marks.ts';
import { type Mount, mountsBelow, unmount } from './mounts.ts';
import { markOfShadowCopy, releaseShadowCopies } from './shadow-copies.ts';

/** Ends the mounts of a disk, the last one first, and what they were made through. Returns those of other devices, which stay. */
export async function releaseMounts(
  root: string,
  { folder, devicePaths }: DiskToRelease,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly ForeignMount[]> {
  const mark = { root, folder };
  const foreign: ForeignMount[] = [];
  // Who was killed after an unmount saw no end of its process, and the mount is seen no more.
  const byFuse = new Set(devicePaths);
  // Without journals the folder is the proof.
  const isOf = async (behind: string) =>
    devicePaths === undefined || devicePaths.includes(behind) || bearsMark(behind, mark, devicePaths);
  const place = insideOf(root, folder);
  for (const mount of [...(await mountsBelow(place))].reverse()) {
    const behind = await behindMount(mount);
    if (behind !== undefined && (await isOf(behind))) {
      await unmount(mount.mountPoint, clock, signal);
      if (mount.type === FUSE_TYPE) byFuse.add(mount.device);
    } else {
      foreign.push({ mountPoint: mount.mountPoint, device: mount.device });
    }
  }
  // One process for each mount of a disk holds it.
  await waitForFuseEnd(devicePaths && [...byFuse], place, clock, signal);
  await releaseShadowCopies(mark, devicePaths, clock, signal);
  return foreign;
}

/** Undefined: none of ours is made like that. */
async function behindMount({ type, device }: Mount): Promise<string | undefined> {
  return type === FUSE_TYPE ? device : (markOfShadowCopy(device) ?? behindLoop(device));
}
