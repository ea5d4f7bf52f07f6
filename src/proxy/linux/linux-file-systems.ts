import { readdir, realpath, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { unlessAborted } from '../../platform/unless-aborted.ts';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { DiskToRelease, FileSystems, ForeignMount, Volume } from '../../ports/file-systems.ts';
import { blockDeviceBytes } from './block-device.ts';
import { behindLoop, detachLoop, loopsOn } from './loop-devices.ts';
import { firstFileBelow, makeMountPoint } from './mount-points.ts';
import { mountVolume } from './mount-volume.ts';
import { mountsBelow, seesMountsOf, unmount } from './mounts.ts';
import { readWhole } from './probes/guest-path.ts';
import { probeApplication, requireProbes } from './probes/probe-application.ts';
import { removeScratch, SCRATCH } from './probes/view.ts';
import { hasProgram } from './programs.ts';
import { findVolumes } from './volumes.ts';

const PROGRAMS = ['mount', 'umount', 'losetup', 'blkid', 'partx'];
const FIRST_PROCESS = 1;
const LOOP_CONTROL = '/dev/loop-control';
/** Programs are killed at the signal, and are gone before anything is undone; longer than that nobody waits. */
const GRACE_MS = 3000;
/** The kernel detaches a loop device a moment after its last user. */
const DETACH_MS = 5000;
const POLL_MS = 20;

/**
 * File systems of disks, mounted by a Linux proxy through loop devices. Needs root. `machine`: refuses to mount where the first process
 * of this machine, and with it a backup product, does not see it; `any`: whoever set that up lets the product see what this process sees.
 */
export function createLinuxFileSystems(clock: Clock, mountNamespace: 'machine' | 'any'): FileSystems {
  const work: FileSystems = {
    async preflight(directory, folders) {
      await requireMachine();
      if (mountNamespace === 'machine') await requireMachinesMounts(directory);
      const root = await realpath(directory).catch(() => path.resolve(directory));
      for (const folder of folders) await requireEmpty(root, folder);
    },

    async mount(directory, { folder, devicePath, isQuiet }, { check }, signal) {
      const root = await realpath(directory);
      const sizeBytes = await bytesOf(devicePath, signal);
      const volumes: Volume[] = [];
      for (const found of await findVolumes(devicePath, sizeBytes, signal)) {
        const name = found.partition === undefined ? 'disk' : `part${found.partition}`;
        const mountPoint = insideOf(root, `${folder}/${name}`);
        const prepare = () => makeMountPoint(root, mountPoint);
        const made = await mountVolume(found, { devicePath, isQuiet, mountPoint, check, clock, prepare }, signal);
        volumes.push(made.state === 'mounted' ? { ...made, path: `${folder}/${name}` } : made);
      }
      return volumes;
    },

    preflightProbes: requireProbes,

    async readWhole(directory, volume, file, signal) {
      return readWhole(insideOf(await realpath(directory), volume), file, signal);
    },

    async probe(directory, { kind, folder, volume, path: place }, signal) {
      const root = await realpath(directory);
      const scratch = insideOf(root, `${folder}/${SCRATCH}`);
      await makeMountPoint(root, scratch);
      try {
        return await probeApplication({ kind, mountPoint: insideOf(root, volume), path: place, scratch }, signal);
      } finally {
        await removeScratch(scratch);
      }
    },

    async release(directory, disks, signal) {
      const root = await realpath(directory).catch(() => path.resolve(directory));
      const foreign: ForeignMount[] = [];
      for (const disk of disks) {
        foreign.push(...(await releaseMounts(root, disk, clock, signal)));
        await releaseLoops(disk, clock, signal);
        await removeFolders(root, disk.folder);
      }
      return foreign;
    },
  };
  return {
    preflight: (directory, folders, signal) => unlessAborted(work.preflight(directory, folders, signal), signal),
    mount: (directory, disk, options, signal) =>
      withGrace(signal, (late) => unlessAborted(work.mount(directory, disk, options, signal), late)),
    preflightProbes: (kinds, signal) => unlessAborted(work.preflightProbes(kinds, signal), signal),
    readWhole: (directory, volume, file, signal) =>
      withGrace(signal, (late) => unlessAborted(work.readWhole(directory, volume, file, signal), late)),
    probe: (directory, probe, signal) =>
      withGrace(signal, (late) => unlessAborted(work.probe(directory, probe, signal), late)),
    release: (directory, disks, signal) =>
      withGrace(signal, (late) => unlessAborted(work.release(directory, disks, signal), late)),
  };
}

/** Work under a signal that comes a moment after the given one. */
async function withGrace<Result>(signal: AbortSignal, work: (late: AbortSignal) => Promise<Result>): Promise<Result> {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => late.abort(signal.reason), GRACE_MS);
  };
  signal.throwIfAborted();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(late.signal);
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}

async function requireMachine(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new SnaphookError(
      'E_PROXY',
      'only root on Linux may mount file systems, and the job hands over or verifies files',
      {
        hint: 'Let root run the hooks, or set `handOver: images` without `verify` for the job: images need no mounts.',
      },
    );
  }
  for (const program of PROGRAMS) {
    if (await hasProgram(program)) continue;
    throw new SnaphookError('E_PROXY', `program "${program}" is not in the PATH of the hook`, {
      hint: 'Install util-linux, and mount of your distribution; the PATH must have /usr/sbin.',
    });
  }
  if (await stat(LOOP_CONTROL).catch(() => undefined)) return;
  throw new SnaphookError('E_PROXY', `"${LOOP_CONTROL}" is not there: this machine has no loop devices`, {
    hint: 'Load the module loop (modprobe loop).',
  });
}

/** What is mounted in a namespace of the hook's own the backup product would find as empty folders, and back up as such. */
async function requireMachinesMounts(directory: string): Promise<void> {
  const sees = await seesMountsOf(FIRST_PROCESS);
  if (sees === true) return;
  const message =
    sees === undefined
      ? `whether others see what the hook mounts in "${directory}" cannot be told`
      : `nobody else would see what the hook mounts in "${directory}": it runs in a mount namespace of its own`;
  throw new SnaphookError('E_PROXY', message, {
    hint: 'Let the backup product run the hook outside of containers and without PrivateTmp, ProtectSystem and the like of systemd; or set `proxy.mountNamespace: any` where the product sees what its hooks mount.',
  });
}

async function requireEmpty(root: string, folder: string): Promise<void> {
  const absolute = insideOf(root, folder);
  // Mounts first: what is in one is not walked through.
  const [mount] = await mountsBelow(absolute);
  const inTheWay = mount?.mountPoint ?? (await firstFileBelow(absolute));
  if (inTheWay === undefined) return;
  throw new SnaphookError('E_EXPORT', `"${absolute}" is not empty: "${inTheWay}" belongs to no open run`, {
    hint: '`snaphook reap` tells whose it is. Each job needs a hand-over directory of its own.',
  });
}

/** Paths are made by the core from names that came from outside: proven to stay inside before they are used. */
function insideOf(root: string, relative: string): string {
  const absolute = path.resolve(root, relative);
  if (absolute.startsWith(root + path.sep)) return absolute;
  throw new TypeError(`path leaves the hand-over directory: ${JSON.stringify(relative)}`);
}

async function bytesOf(device: string, signal: AbortSignal): Promise<number> {
  const stats = await stat(device).catch((cause: unknown) => {
    throw new SnaphookError('E_PROXY_DEVICE', `device "${device}" cannot be looked at`, {
      cause,
      hint: 'It may have vanished in this moment. Check the paths of the device on the proxy (multipath -ll, dmesg).',
    });
  });
  return stats.isBlockDevice() ? blockDeviceBytes(device, signal) : stats.size;
}

/** The last mount first. */
async function releaseMounts(
  root: string,
  { folder, devicePaths }: DiskToRelease,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly ForeignMount[]> {
  const foreign: ForeignMount[] = [];
  for (const mount of [...(await mountsBelow(insideOf(root, folder)))].reverse()) {
    const behind = await behindLoop(mount.device);
    // All of ours are loop devices: what is not is somebody else's in any case.
    if (behind !== undefined && (devicePaths?.includes(behind) ?? true)) await unmount(mount.mountPoint, clock, signal);
    else foreign.push(mount);
  }
  return foreign;
}

async function releaseLoops({ devicePaths = [] }: DiskToRelease, clock: Clock, signal: AbortSignal): Promise<void> {
  const untilMs = clock.monotonicMs() + DETACH_MS;
  for (;;) {
    const loops = await loopsOn(devicePaths);
    if (loops.length === 0) return;
    if (clock.monotonicMs() > untilMs) {
      throw new SnaphookError('E_PROXY', `loop device "${loops.join('", "')}" still holds a target`, {
        hint: 'See who uses it (lsof, fuser), end that, then run `snaphook reap --apply`.',
      });
    }
    // One that vanishes by itself in this moment cannot be detached: the next look tells.
    for (const loop of loops) await detachLoop(loop, signal).catch(() => signal.throwIfAborted());
    await clock.sleep(POLL_MS, signal);
  }
}

/** Only empty ones: a folder that holds something is not ours alone. */
async function removeFolders(root: string, folder: string): Promise<void> {
  const absolute = insideOf(root, folder);
  await removeScratch(path.join(absolute, SCRATCH));
  for (const name of await readdir(absolute).catch(() => [])) {
    if (/^(part\d+|disk)$/.test(name)) await rmdir(path.join(absolute, name)).catch(() => undefined);
  }
  for (let current = absolute; current.startsWith(root + path.sep); current = path.dirname(current)) {
    if ((await readdir(current).catch(() => [''])).length > 0) return;
    await rmdir(current).catch(() => undefined);
  }
}
