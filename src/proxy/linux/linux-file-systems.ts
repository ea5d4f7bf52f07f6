import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { firstFileBelow } from '../../platform/first-file-below.ts';
import { insideOf } from '../../platform/inside-of.ts';
import { unlessAborted } from '../../platform/unless-aborted.ts';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { FileSystems, ForeignMount, Volume } from '../../ports/file-systems.ts';
import { placeNameOf } from '../../ports/place-name.ts';
import { blockDeviceBytes } from './block-device.ts';
import { FUSE_DEVICE, FUSE_PROGRAMS, hasFuse } from './fuse-mount.ts';
import { withGrace } from './grace.ts';
import { releaseLoops } from './loop-devices.ts';
import { removeNodes } from './loop-marks.ts';
import { type DiskContent, type FoundOnDisk, hasPhysicalVolume, withLogicalVolumes } from './lvm/logical-volumes.ts';
import { requireMachinesMounts } from './machine-mounts.ts';
import { makeMountPoint } from './mount-points.ts';
import { mountVolume } from './mount-volume.ts';
import { mountsBelow } from './mounts.ts';
import { removeFolders } from './place-names.ts';
import { readWhole } from './probes/guest-path.ts';
import { probeApplication, requireProbes } from './probes/probe-application.ts';
import { removeScratch, SCRATCH } from './probes/view.ts';
import { hasProgram } from './programs.ts';
import { releaseMounts } from './release-mounts.ts';
import { isRoot } from './user.ts';
import { findVolumes } from './volumes.ts';
import { writeFilesIndex } from './write-files-index.ts';

const PROGRAMS = ['mount', 'umount', 'losetup', 'mknod', 'blkid', 'partx'];
const IMAGES = '`handOver: images` without `verify` needs no mounts.';
const LOOP_CONTROL = '/dev/loop-control';

/**
 * File systems of disks, mounted by a Linux proxy through loop devices, or, without root, some of them through FUSE. `machine`: refuses to
 * mount where the first process of this machine, and with it a backup product, does not see it; `any`: whoever set that up lets the product see what this process sees.
 */
export function createLinuxFileSystems(clock: Clock, mountNamespace: 'machine' | 'any'): FileSystems {
  const work: FileSystems = {
    async preflight(directory, folders) {
      await requireMachine();
      if (mountNamespace === 'machine') await requireMachinesMounts(directory);
      const root = await realpath(directory).catch(() => path.resolve(directory));
      for (const folder of folders) await requireEmpty(root, folder);
    },

    async mount(
      directory,
      { folder, devicePath, beside, isQuiet, shadowCopies = [] },
      { check, strict = false },
      signal,
    ) {
      const root = await realpath(directory);
      const volumes: Volume[] = [];
      for (const found of await findOn(devicePath, beside ?? [], signal)) {
        if ('state' in found) {
          volumes.push(found);
          continue;
        }
        const name = placeNameOf(found);
        const mountPoint = insideOf(root, `${folder}/${name}`);
        const prepare = () => makeMountPoint(root, mountPoint);
        const made = await mountVolume(
          found,
          { devicePath, isQuiet, shadowCopies, mountPoint, mark: { root, folder }, check, strict, clock, prepare },
          signal,
        );
        volumes.push(made.state === 'mounted' ? { ...made, path: `${folder}/${name}` } : made);
      }
      return volumes;
    },

    async mountedIn(directory, disks) {
      const root = await realpath(directory).catch(() => path.resolve(directory));
      const mounts = await Promise.all(disks.map(({ folder }) => mountsBelow(insideOf(root, folder))));
      return mounts.flat().length;
    },

    preflightChecks: ({ applications }) => requireProbes(applications),

    async readWhole(directory, volume, file, signal) {
      return readWhole(insideOf(await realpath(directory), volume), file, signal);
    },

    async writeIndex(directory, index, progress, signal) {
      return writeFilesIndex(await realpath(directory), index, progress, signal);
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
        const others = await releaseMounts(root, disk, clock, signal);
        foreign.push(...others);
        await releaseLoops({ root, folder: disk.folder }, disk.devicePaths, clock, signal);
        await removeNodes({ root, folder: disk.folder });
        // Whose disk is mounted here may be probing it, in a view that no other process sees.
        if (others.length === 0) await removeScratch(insideOf(root, `${disk.folder}/${SCRATCH}`));
        await removeFolders(root, insideOf(root, disk.folder));
      }
      return foreign;
    },
  };
  return {
    preflight: (directory, folders, signal) => unlessAborted(work.preflight(directory, folders, signal), signal),
    mount: (directory, disk, options, signal) =>
      withGrace(signal, (late) => unlessAborted(work.mount(directory, disk, options, signal), late)),
    mountedIn: (directory, disks, signal) => unlessAborted(work.mountedIn(directory, disks, signal), signal),
    preflightChecks: (wanted, signal) => unlessAborted(work.preflightChecks(wanted, signal), signal),
    readWhole: (directory, volume, file, signal) =>
      withGrace(signal, (late) => unlessAborted(work.readWhole(directory, volume, file, signal), late)),
    writeIndex: (directory, index, progress, signal) =>
      withGrace(signal, (late) => unlessAborted(work.writeIndex(directory, index, progress, signal), late)),
    probe: (directory, probe, signal) =>
      withGrace(signal, (late) => unlessAborted(work.probe(directory, probe, signal), late)),
    release: (directory, disks, signal) =>
      withGrace(signal, (late) => unlessAborted(work.release(directory, disks, signal), late)),
  };
}

async function requireMachine(): Promise<void> {
  if (process.platform !== 'linux') {
    throw new SnaphookError('E_PROXY', 'only Linux may mount file systems', { hint: IMAGES });
  }
  for (const program of isRoot() ? PROGRAMS : FUSE_PROGRAMS) {
    if (await hasProgram(program)) continue;
    const message = `program "${program}" is not in the PATH of the hook`;
    throw new SnaphookError('E_PROXY', isRoot() ? message : `${message}, which runs without root`, {
      hint: isRoot()
        ? 'Install util-linux, and mount of your distribution; the PATH must have /usr/sbin.'
        : `Let root run the hooks, or install fuse2fs, fuse3 and e2fsprogs. ${IMAGES}`,
    });
  }
  if (isRoot() ? await stat(LOOP_CONTROL).catch(() => undefined) : await hasFuse()) return;
  throw isRoot()
    ? new SnaphookError('E_PROXY', `"${LOOP_CONTROL}" is not there: this machine has no loop devices`, {
        hint: 'Load the module loop (modprobe loop).',
      })
    : new SnaphookError('E_PROXY', `"${FUSE_DEVICE}" cannot be opened by the user of the hook, who is not root`, {
        hint: `Let root run the hooks, or give the user the right to read and write it. ${IMAGES}`,
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

/** What is on the disk. The others are looked at only where it has a physical volume of LVM. */
async function findOn(
  devicePath: string,
  beside: readonly string[],
  signal: AbortSignal,
): Promise<readonly FoundOnDisk[]> {
  const contentOf = async (device: string): Promise<DiskContent> => ({
    device,
    volumes: await findVolumes(device, await bytesOf(device, signal), signal),
  });
  const own = await contentOf(devicePath);
  if (!hasPhysicalVolume(own)) return own.volumes;
  const others: DiskContent[] = [];
  for (const device of beside) others.push(await contentOf(device));
  return withLogicalVolumes(own, others, signal);
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
