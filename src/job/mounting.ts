import { SnaphookError } from '../ports/errors.ts';
import type { Volume } from '../ports/file-systems.ts';
import type { ShadowCopy } from '../ports/guest.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { Doubt } from './handed-over.ts';
import { type MountedDevice, mountedDevicesOf } from './mounted-devices.ts';
import { type Plan, type PlannedDevice, type PlannedVm, targetsOf } from './plan.ts';
import type { VolumeOfDisk } from './restore-map.ts';
import type { CaptureResult } from './results.ts';
import { stillOurs } from './reused-targets.ts';
import type { RunState } from './run-state.ts';
import type { Run } from './step.ts';
import { seenTargetsOf } from './step-results.ts';

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
    const disk = {
      folder,
      devicePath,
      beside: besideOf(run, device).flatMap((other) => paths.get(other) ?? []),
      isQuiet: isQuiet(run, capture, { device, folder }),
      // An image holds what the volume itself was, and a copy of that tells nothing about it.
      shadowCopies: plan.spec.files ? shadowCopiesOf(plan, capture, device).map(({ id }) => id) : [],
    };
    const checks = { check: verify?.fileSystems ?? false, strict: verify?.isDefault !== true };
    const found = await ports.fileSystems.mount(directory, disk, checks, signal);
    volumes.push(...found.map((volume) => ({ device, folder, volume })));
  }
  return volumes;
}

/** The targets of the other disks of its VM, or of its VMs. */
function besideOf({ plan }: Run, { device }: PlannedDevice): readonly DeviceId[] {
  const disks = plan.vms
    .filter((vm) => vm.disks.some(({ devices }) => devices.includes(device)))
    .flatMap((vm) => vm.disks);
  const others = new Set(disks.flatMap(({ devices }) => devices).filter((other) => other !== device));
  return plan.devices.filter((other) => others.has(other.device)).map(({ target }) => target);
}

/** Did every guest that has the device stand still, as far as its grade proves it? Where shadow copies were left, only what is in them did. */
function isQuiet({ plan }: Run, capture: CaptureResult, { device }: MountedDevice): boolean {
  const grades = vmsWith(plan, device).map((vm) => capture.vms.find((entry) => entry.vm === vm.instanceUuid)?.grade);
  if (shadowCopiesOf(plan, capture, device).length > 0) return false;
  return grades.length > 0 && grades.every((grade) => grade === 'application' || grade === 'filesystem');
}

const vmsWith = ({ vms }: Plan, { device }: PlannedDevice): readonly PlannedVm[] =>
  vms.filter(({ disks }) => disks.some(({ devices }) => devices.includes(device)));

/** Of every guest that has the device: on which of its disks each lies, nobody tells but the disks themselves. */
const shadowCopiesOf = (plan: Plan, capture: CaptureResult, device: PlannedDevice): readonly ShadowCopy[] =>
  vmsWith(plan, device).flatMap((vm) => {
    const captured = capture.vms.find((entry) => entry.vm === vm.instanceUuid);
    return captured?.evidence.guest?.freeze?.shadowCopies ?? [];
  });

/** What the guests left to be handed over, and is on none of the volumes. */
export function missingShadowCopies(
  { plan }: Run,
  capture: CaptureResult,
  volumes: readonly VolumeOfDisk[],
): readonly ShadowCopy[] {
  const found = new Set(volumes.flatMap(({ volume }) => (volume.state === 'mounted' ? (volume.shadowCopy ?? []) : [])));
  const left = mountedDevicesOf(plan).flatMap(({ device }) => shadowCopiesOf(plan, capture, device));
  return [...new Map(left.map((copy) => [copy.id, copy])).values()].filter(({ id }) => !found.has(id));
}

/** How many of its mounts there are now. */
export function countMounts(
  { plan, ports, journal }: Run,
  capture: CaptureResult | undefined,
  signal: AbortSignal,
): Promise<number> {
  const disks = mountedDevicesOf(plan).map(({ device, folder }) => ({
    folder,
    devicePaths: seenPathsOf(journal.state, device),
    shadowCopies: capture ? shadowCopiesOf(plan, capture, device).map(({ id }) => id) : [],
  }));
  return ports.fileSystems.mountedIn(plan.spec.exportDirectory, disks, signal);
}

const seenPathsOf = (state: RunState, { target }: PlannedDevice): readonly string[] =>
  seenTargetsOf(state).flatMap((seen) => (seen.target === target ? seen.path : []));

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
  const devices = mountedDevicesOf(plan).filter(({ device }) => targets.includes(device.target));
  const disks = devices.map(({ device, folder }) => ({
    folder,
    devicePaths: seenPathsOf(journal.state, device),
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
      return `"${nameOf(folder, volume)}" (${volume.holds ?? 'unknown'})${volume.state === 'mounted' ? '' : `: ${volume.why}`}`;
    })
    .join('; ');

function nameOf(folder: string, { partition, logicalVolume }: Volume): string {
  if (logicalVolume) return `${folder}, logical volume ${logicalVolume.group}/${logicalVolume.name}`;
  return partition === undefined ? folder : `${folder}, partition ${partition}`;
}
