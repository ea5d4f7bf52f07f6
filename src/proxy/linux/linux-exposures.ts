import { lstat, readFile, realpath, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { insideOf } from '../../platform/inside-of.ts';
import { removeEmptyFolders } from '../../platform/remove-empty-folders.ts';
import { systemErrorCode } from '../../platform/system-error.ts';
import { unlessAborted } from '../../platform/unless-aborted.ts';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import {
  type DiskToExpose,
  type ExposedAs,
  type ExposureHelper,
  type Exposures,
  type ExposureToRelease,
  NBD_SOCKET_NAME,
} from '../../ports/exposures.ts';
import { blockDeviceBytes } from './block-device.ts';
import { endHelpers, findHelpers, HELPER_PROGRAM, helperCommand } from './exposure-helper.ts';
import { withGrace } from './grace.ts';
import { attachLoop, type OpenLoop, releaseLoops } from './loop-devices.ts';
import { removeNodes } from './loop-marks.ts';
import { requireMachinesMounts } from './machine-mounts.ts';
import { makeMountPoint } from './mount-points.ts';
import { type Mount, mountsBelow, unmount } from './mounts.ts';
import { hasProgram, mustRun, runProgram } from './programs.ts';

const PACKAGES: readonly (readonly [program: string, packageName: string])[] = [
  [HELPER_PROGRAM, 'qemu-system-common (Debian) or qemu-storage-daemon'],
  ['losetup', 'util-linux; the PATH must have /usr/sbin'],
  ['mknod', 'coreutils'],
  ['umount', 'mount; the PATH must have /usr/bin'],
  ['env', 'coreutils 8.31 or newer'],
];
const FUSE = '/dev/fuse';
/** unix(7): 108 bytes, the last of them zero. */
const MAX_SOCKET_BYTES = 107;
const SECTOR_BYTES = 512;

/**
 * Disks shown by `qemu-storage-daemon` of QEMU. Each is read through a loop device: the daemon takes the end of a device for zeros, also
 * when the device shrank to nothing as it vanished, and a loop device keeps its size and fails such reads. Needs root for that.
 * `mountNamespace` as for file systems.
 */
export function createLinuxExposures(clock: Clock, mountNamespace: 'machine' | 'any'): Exposures {
  const work: Exposures = {
    async preflight(directory, as, paths, signal) {
      await requireMachine(as, signal);
      if (as === 'fuse' && mountNamespace === 'machine') await requireMachinesMounts(directory);
      const root = await realpath(directory).catch(() => path.resolve(directory));
      if (as === 'nbd') requireShort(path.join(root, NBD_SOCKET_NAME));
      for (const file of paths.length === 0 ? [] : filesOf(root, as, paths)) await requireFree(file);
    },

    async expose(directory, exposure, signal) {
      return expose(await realpath(directory), exposure, signal);
    },

    async release(directory, exposure, signal) {
      const root = await realpath(directory).catch(() => path.resolve(directory));
      const leftAlone = await release(root, exposure, clock, signal);
      for (const folder of exposure.paths) {
        await releaseLoops({ root, folder }, exposure.devicePaths, clock, signal);
        await removeNodes({ root, folder });
      }
      return leftAlone;
    },
  };
  return {
    preflight: (directory, as, paths, signal) => unlessAborted(work.preflight(directory, as, paths, signal), signal),
    expose: (directory, exposure, signal) =>
      withGrace(signal, (late) => unlessAborted(work.expose(directory, exposure, signal), late)),
    release: (directory, exposure, signal) =>
      withGrace(signal, (late) => unlessAborted(work.release(directory, exposure, signal), late)),
  };
}

async function requireMachine(as: ExposedAs, signal: AbortSignal): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new SnaphookError('E_PROXY', `only root on Linux can expose disks, and the job has handOver "${as}"`, {
      hint: 'Let root run the hooks, or set `handOver: images` for the job.',
    });
  }
  for (const [program, packageName] of PACKAGES) {
    if (await hasProgram(program)) continue;
    throw new SnaphookError('E_PROXY', `program "${program}" is not in the PATH of the hook`, {
      hint: `Install ${packageName}.`,
    });
  }
  for (const [node, module] of [['/dev/loop-control', 'loop'], ...(as === 'fuse' ? [[FUSE, 'fuse']] : [])] as const) {
    if (await stat(node ?? '').catch(() => undefined)) continue;
    throw new SnaphookError('E_PROXY', `"${node}" is not there`, { hint: `Load the module (modprobe ${module}).` });
  }
  const { stdout } = await runProgram('env', ['--block-signal=TERM', HELPER_PROGRAM, '--help'], signal);
  if (stdout.includes(`[type=]${as},`)) return;
  throw new SnaphookError('E_PROXY', `"${HELPER_PROGRAM}" of this machine cannot export by "${as}"`, {
    hint: 'It needs QEMU 6.0 or newer, built with that export, and env of coreutils 8.31 or newer; or set another `handOver`.',
  });
}

function requireShort(socket: string): void {
  if (Buffer.byteLength(socket) <= MAX_SOCKET_BYTES) return;
  throw new SnaphookError(
    'E_EXPORT',
    `"${socket}" is longer than the ${MAX_SOCKET_BYTES} bytes that a socket may have`,
    {
      hint: 'Give the job a shorter exportDirectory.',
    },
  );
}

/** What lies in the hand-over directory as long as the disks are exposed. */
const filesOf = (root: string, as: ExposedAs, paths: readonly string[]): readonly string[] =>
  as === 'nbd' ? [path.join(root, NBD_SOCKET_NAME)] : paths.map((one) => insideOf(root, one));

async function requireFree(file: string): Promise<void> {
  const there = await lstat(file).then(
    () => true,
    (error: unknown) => !['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? ''),
  );
  if (!there) return;
  throw new SnaphookError('E_EXPORT', `"${file}" is there already and belongs to no open run`, {
    hint: '`snaphook reap` tells whose it is. Each job needs a hand-over directory of its own.',
  });
}

async function expose(
  root: string,
  { tag, as, disks }: Parameters<Exposures['expose']>[1],
  signal: AbortSignal,
): Promise<ExposureHelper> {
  const loops: OpenLoop[] = [];
  try {
    for (const disk of disks) loops.push(await loopOver(root, disk, signal));
    const places = disks.map(({ path: file }) => (as === 'fuse' ? insideOf(root, file) : file));
    if (as === 'fuse') for (const file of places) await makePlaceholder(root, file, signal);
    const exported = loops.map(({ device }, index) => ({ device, place: places[index] ?? '' }));
    const [program, ...args] = helperCommand(tag, as, exported, path.join(root, NBD_SOCKET_NAME));
    await mustRun(program, args, signal);
    if (as === 'fuse') await requireSizes(places, disks);
  } finally {
    // The helper has them open by now; without one they vanish.
    for (const loop of loops) await loop.close();
  }
  const [helper] = await findHelpers(tag, as);
  if (helper) return helper;
  throw new SnaphookError('E_PROXY', `"${HELPER_PROGRAM}" for "${tag}" ended by itself`, {
    hint: 'See the messages of the kernel (dmesg) on this machine.',
  });
}

async function loopOver(
  root: string,
  { path: folder, devicePath, sizeBytes }: DiskToExpose,
  signal: AbortSignal,
): Promise<OpenLoop> {
  if (sizeBytes % SECTOR_BYTES !== 0) throw new TypeError(`no disk has ${sizeBytes} bytes`);
  const loop = await attachLoop(
    devicePath,
    { offsetBytes: 0, sizeBytes, isWritable: false, mark: { root, folder } },
    signal,
  );
  try {
    const shownBytes = await blockDeviceBytes(loop.device, signal);
    if (shownBytes === sizeBytes) return loop;
    throw new SnaphookError('E_PROXY_DEVICE', `device "${devicePath}" has ${shownBytes} of ${sizeBytes} bytes`, {
      hint: 'It may have vanished in this moment. Check its paths on the proxy (multipath -ll, dmesg).',
    });
  } catch (error) {
    await loop.close();
    throw error;
  }
}

/** The file that the helper mounts over. */
async function makePlaceholder(root: string, file: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await makeMountPoint(root, path.dirname(file));
  signal.throwIfAborted();
  await writeFile(file, '', { flag: 'wx', mode: 0o000 });
}

async function requireSizes(files: readonly string[], disks: readonly DiskToExpose[]): Promise<void> {
  for (const [index, file] of files.entries()) {
    if ((await stat(file)).size === disks[index]?.sizeBytes) continue;
    throw new SnaphookError('E_EXPORT', `"${file}" has not the size of its disk`, {
      hint: 'See the messages of the kernel (dmesg) on this machine.',
    });
  }
}

/**
 * Files are unmounted before the helper ends, so that whoever still reads is met first, and after it again: a helper that was starting
 * may have mounted one in between.
 */
async function release(
  root: string,
  { tag, as, paths, isOurs }: ExposureToRelease,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const isHelpers = (await findHelpers(tag, as)).length > 0;
  if (!isOurs && !isHelpers) return as === 'fuse' ? mountedOf(filesOf(root, as, paths)) : [];
  const socket = path.join(root, NBD_SOCKET_NAME);
  if (as === 'nbd') {
    if (isHelpers) await requireNoClient(socket, clock, signal);
    await endHelpers(tag, as, clock, signal);
    await removeSocket(socket);
    return [];
  }
  const files = filesOf(root, as, paths);
  for (const file of files) await unmountFuse(file, clock, signal);
  await endHelpers(tag, as, clock, signal);
  const leftAlone: string[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    await unmountFuse(file, clock, signal);
    if (!(await removePlaceholder(file))) leftAlone.push(file);
    await removeEmptyFolders(path.dirname(file), root);
  }
  return leftAlone;
}

/** Those of the files that a helper has mounted over, or that one which is gone left. */
async function mountedOf(files: readonly string[]): Promise<readonly string[]> {
  const mounted: string[] = [];
  for (const file of files) if ((await mountsBelow(file)).some((mount) => isExposed(mount, file))) mounted.push(file);
  return mounted;
}

/** What is mounted by other means is somebody else's. */
const isExposed = ({ mountPoint, device }: Mount, file: string): boolean => mountPoint === file && device === FUSE;

async function unmountFuse(file: string, clock: Clock, signal: AbortSignal): Promise<void> {
  for (const mount of [...(await mountsBelow(file))].reverse()) {
    if (!isExposed(mount, file)) return;
    await unmount(file, clock, signal);
  }
}

/** True: nothing lies there any more. Ours is empty; a mount of somebody else's keeps it. */
async function removePlaceholder(file: string): Promise<boolean> {
  try {
    const there = await lstat(file);
    if (!there.isFile() || there.size > 0) return false;
    await unlink(file);
    return true;
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '');
  }
}

async function removeSocket(socket: string): Promise<void> {
  if ((await lstat(socket).catch(() => undefined))?.isSocket()) await unlink(socket);
}

const BUSY_MS = 10_000;
const PAUSE_MS = 250;
/** proc_net_unix(5), net(7): state of a socket that is connected. */
const CONNECTED = '03';

async function requireNoClient(socket: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const untilMs = clock.monotonicMs() + BUSY_MS;
  for (;;) {
    const lines = (await readFile('/proc/net/unix', 'utf8')).split('\n');
    const clients = lines.filter((line) => line.endsWith(` ${socket}`) && line.split(/ +/)[5] === CONNECTED).length;
    if (clients === 0) return;
    if (clock.monotonicMs() > untilMs) {
      throw new SnaphookError('E_PROXY', `"${socket}" is still read by ${clients} client(s)`, {
        hint: `End them (ss -xp src ${socket} shows both ends), then run the post hook again or \`snaphook reap --apply\`.`,
      });
    }
    await clock.sleep(PAUSE_MS, signal);
  }
}
