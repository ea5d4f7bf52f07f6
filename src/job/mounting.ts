import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { Doubt } from './handed-over.ts';
import { seenTargetsOf } from './journal.ts';
import { type MountedDevice, mountedDevicesOf } from './mounted-devices.ts';
import { targetsOf } from './plan.ts';
import type { VolumeOfDisk } from './restore-map.ts';
import type { CaptureResult } from './results.ts';
import { stillOurs } from './reused-targets.ts';
import type { Run } from './step.ts';

/** What is on the targets, each volume mounted where that is possible. */
export async function mountTargets(
  run: Run,
  capture: CaptureResult,
  signal: AbortSignal,
): Promise<readonly VolumeOfDisk[]> {
  const { plan, ports } = run;
  const { exportDirectory: directory, verify } = plan.spec;
  const paths = new Map(seenTargetsOf(run.journal.state).map(({ target, path }) => [target, path]));
  const volumes: VolumeOfDisk[] = [];
  for (const { device, folder } of mountedDevicesOf(plan)) {
    const devicePath = paths.get(device.target);
    if (!devicePath) throw new SnaphookError('E_PROXY_DEVICE', `target "${device.target}" has no path on the proxy`);
    ports.reporter.info('mounting', { disk: folder });
    const disk = { folder, devicePath, isQuiet: isQuiet(run, capture, { device, folder }) };
    const found = await ports.fileSystems.mount(directory, disk, { check: verify?.fileSystems ?? false }, signal);
    volumes.push(...found.map((volume) => ({ device, folder, volume })));
  }
  return volumes;
}

/** Did every guest that has the device stand still, as far as its grade proves it? */
function isQuiet({ plan }: Run, capture: CaptureResult, { device }: MountedDevice): boolean {
  const vms = plan.vms.filter(({ disks }) => disks.some(({ devices }) => devices.includes(device.device)));
  const grades = vms.map((vm) => capture.vms.find((entry) => entry.vm === vm.instanceUuid)?.grade);
  return grades.length > 0 && grades.every((grade) => grade === 'application' || grade === 'filesystem');
}

/**
 * Ends all mounts that the run may have made. A manifest can be overwritten under live mounts: where it does not name this run, the array
 * says whose the targets are.
 */
export async function releaseTargets(run: Run, doubt: Doubt | undefined, signal: AbortSignal): Promise<void> {
  const targets = targetsOf(run.plan);
  await releaseMounts(run, doubt === undefined ? targets : await stillOurs(run, targets, signal), signal);
}

/** Mounts of these targets in the folders of the run, and whatever holds these targets. */
async function releaseMounts(
  { plan, ports, journal }: Run,
  targets: readonly DeviceId[],
  signal: AbortSignal,
): Promise<void> {
  const seen = seenTargetsOf(journal.state);
  const devices = mountedDevicesOf(plan).filter(({ device }) => targets.includes(device.target));
  const disks = devices.map(({ device, folder }) => ({
    folder,
    devicePaths: seen.filter(({ target }) => target === device.target).map(({ path }) => path),
  }));
  for (const { mountPoint, device } of await ports.fileSystems.release(plan.spec.exportDirectory, disks, signal)) {
    ports.reporter.warn('a mount is not of a target of this run and is left alone', { mountPoint, device });
  }
}

/** Errors: `E_VERIFY` where file systems are to be verified and one is not sound. */
export function refuseDamaged({ plan }: Run, volumes: readonly VolumeOfDisk[]): void {
  const damaged = volumes.filter(({ volume }) => volume.state === 'damaged');
  if (!plan.spec.verify?.fileSystems || damaged.length === 0) return;
  throw new SnaphookError('E_VERIFY', `a file system is not sound: ${textOf(damaged)}`, {
    hint: 'Check it in the guest. Nothing was handed over; `verify: { fileSystems: false }` hands it over all the same.',
  });
}

export const textOf = (volumes: readonly VolumeOfDisk[]): string =>
  volumes
    .map(({ folder, volume }) => {
      const name = volume.partition === undefined ? folder : `${folder}, partition ${volume.partition}`;
      return `"${name}" (${volume.holds ?? 'unknown'})${volume.state === 'mounted' ? '' : `: ${volume.why}`}`;
    })
    .join('; ');
