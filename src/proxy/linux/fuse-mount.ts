import { constants } from 'node:fs';
import { access, open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { type Checker, checked, type Refusal } from './check-volume.ts';
import { usersOf } from './mounts.ts';
import { runProgram } from './programs.ts';

/** Where the kernel lets a user mount nothing, fuse2fs reads ext2, ext3 and ext4, for that user alone. */
const FUSE_PROGRAM = 'fuse2fs';
export const FUSE_PROGRAMS = [FUSE_PROGRAM, 'fusermount', 'e2fsck', 'blkid', 'partx'];
export const FUSE_DEVICE = '/dev/fuse';
/** What mounts of fuse2fs are called in the kernel's table. */
export const FUSE_TYPE = 'fuse.ext4';

/** Of the superblock, as the kernel's `ext4.h` has it. */
const SUPERBLOCK = {
  offsetBytes: 1024,
  lengthBytes: 1024,
  lastOrphan: 0xe8,
  incompatible: 0x60,
  readOnly: 0x64,
} as const;
const NEEDS_RECOVERY = 0x4;
const HAS_ORPHANS = 0x1_0000;
/** e2fsck(8): nothing was wrong, or it was put right. */
const PUT_RIGHT = [0, 1];
const ENDS_MS = 10_000;
const POLL_MS = 20;

export const hasFuse = (): Promise<boolean> =>
  access(FUSE_DEVICE, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );

/**
 * fuse2fs would show a file system without its journal, and the programs that replay one do so at the start of a device only. So there must be
 * nothing to replay: as after a freeze. Files that were open and deleted then, the guest's kernel leaves listed: e2fsck ends them on the copy.
 */
export async function fuseMount(
  {
    devicePath,
    offsetBytes,
    mountPoint,
  }: { readonly devicePath: string; readonly offsetBytes: number; readonly mountPoint: string },
  checker: Checker | undefined,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const at = `${devicePath}?offset=${offsetBytes}`;
  const { needsRecovery, hasOrphans } = await readState(devicePath, offsetBytes);
  if (needsRecovery) return ['unreadable', 'its journal has to be replayed, which only root can do here'];
  if (hasOrphans) {
    const { exitCode, said } = await runProgram('e2fsck', ['-p', at], signal);
    if (exitCode === undefined || !PUT_RIGHT.includes(exitCode))
      return ['damaged', `e2fsck -p says ${exitCode ?? 'nothing'}: ${said}`];
  }
  const refused = checker && (await checked(checker, at, signal));
  if (refused) return refused;
  const options = `ro,noexec,fakeroot,offset=${offsetBytes}`;
  const { exitCode, said } = await runProgram(FUSE_PROGRAM, ['-o', options, devicePath, mountPoint], signal);
  return exitCode === 0 ? undefined : ['unreadable', `fuse2fs says ${exitCode ?? 'nothing'}: ${said}`];
}

async function readState(device: string, offsetBytes: number) {
  const file = await open(device, 'r');
  try {
    const { lengthBytes, lastOrphan, incompatible, readOnly } = SUPERBLOCK;
    const { buffer } = await file.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offsetBytes + SUPERBLOCK.offsetBytes);
    return {
      needsRecovery: (buffer.readUInt32LE(incompatible) & NEEDS_RECOVERY) !== 0,
      hasOrphans: buffer.readUInt32LE(lastOrphan) !== 0 || (buffer.readUInt32LE(readOnly) & HAS_ORPHANS) !== 0,
    };
  } finally {
    await file.close();
  }
}

/**
 * fuse2fs ends a moment after its mount, and holds its device until then. `devices`: those that may be held; undefined: whichever was
 * mounted in the folder.
 */
export async function waitForFuseEnd(
  devices: readonly string[] | undefined,
  folder: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const untilMs = clock.monotonicMs() + ENDS_MS;
  for (;;) {
    const users = devices
      ? (await Promise.all(devices.map((device) => usersOf(device, FUSE_PROGRAM)))).find((user) => user !== '')
      : await mounterIn(folder);
    if (users === undefined) return;
    if (clock.monotonicMs() > untilMs) {
      throw new SnaphookError('E_PROXY', `a device that was mounted in "${folder}" is still held: ${users}`, {
        hint: 'End that process, then run the post hook again or `snaphook reap --apply`.',
      });
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** A process of fuse2fs whose mount point, its last argument, is in the folder; undefined: there is none. */
async function mounterIn(folder: string): Promise<string | undefined> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [program = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (path.basename(program) === FUSE_PROGRAM && args.some((word) => word.startsWith(`${folder}/`)))
      return `in use by ${FUSE_PROGRAM} (${pid})`;
  }
  return undefined;
}
