import { SnaphookError } from '../../ports/errors.ts';
import type { Volume } from '../../ports/file-systems.ts';
import type { DeviceId } from '../../ports/identity.ts';
import { doubtOf, removeHandedOver, writeManifest, writePlannedManifest } from '../handed-over.ts';
import { seenTargetsOf, snapshotResultOf } from '../journal.ts';
import { manifestOf } from '../manifest.ts';
import { type MountedDevice, mountedDevicesOf } from '../mounted-devices.ts';
import { type PlannedDevice, targetsOf } from '../plan.ts';
import type { VolumeOfDisk } from '../restore-map.ts';
import type { CaptureResult, MountResult } from '../results.ts';
import { stillOurs } from '../reused-targets.ts';
import type { Run, Step } from '../step.ts';
import { requireLinks } from './link.ts';

/** Effect: the file systems of the targets are mounted in the hand-over directory, beside a manifest that says what each is. */
export const mountStep: Step<MountResult> = {
  name: 'mount',
  repeatable: false,
  settles: false,
  isLocal: true,

  async do(run, signal) {
    const { plan, journal } = run;
    await writePlannedManifest(run, signal);
    const capture = snapshotResultOf(journal.state);
    if (!capture) throw new SnaphookError('E_JOURNAL', `run "${plan.runId}" has no capture in its journal`);
    const volumes = await mountAll(run, capture, signal);
    await requireLinks(run, signal);
    await writeManifest(run, manifestOf(run, capture, { files: [], vmFiles: [], fileSystems: volumes }), signal);
    const states = volumes.map(({ volume }) => volume.state);
    return { mounted: states.filter((state) => state === 'mounted').length, volumes: states.length };
  },

  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    const doubt = await doubtOf(run, signal);
    // A manifest can be overwritten under live mounts: where it does not name this run, the array says whose the targets are.
    const targets = targetsOf(run.plan);
    await release(run, doubt === undefined ? targets : await stillOurs(run, targets, signal), signal);
    await removeHandedOver(run, doubt, signal);
  },
};

async function mountAll(run: Run, capture: CaptureResult, signal: AbortSignal): Promise<readonly VolumeOfDisk[]> {
  const { plan, ports } = run;
  const { exportDirectory: directory, files } = plan.spec;
  if (!files) throw new TypeError('a step of files in a plan of another kind');
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
    };
    const found = await ports.fileSystems.mount(directory, disk, { check: files.verify }, signal);
    volumes.push(...found.map((volume) => ({ device, folder, volume })));
  }
  judge(run, volumes);
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

/** Did every guest that has the device stand still, as far as its grade proves it? */
function isQuiet({ plan }: Run, capture: CaptureResult, { device }: MountedDevice): boolean {
  const vms = plan.vms.filter(({ disks }) => disks.some(({ devices }) => devices.includes(device.device)));
  const grades = vms.map((vm) => capture.vms.find((entry) => entry.vm === vm.instanceUuid)?.grade);
  return grades.length > 0 && grades.every((grade) => grade === 'application' || grade === 'filesystem');
}

/** Errors: `E_VERIFY`, `E_UNREADABLE`; `E_EXPORT` when there is nothing to hand over. */
function judge({ plan, ports }: Run, volumes: readonly VolumeOfDisk[]): void {
  const { verify, onUnreadable } = plan.spec.files ?? {};
  const told = volumes.flatMap(({ folder, volume }) => {
    if (volume.state === 'mounted' || volume.state === 'no-files') return [];
    return [{ state: volume.state, text: `"${nameOf(folder, volume)}" (${volume.holds ?? 'unknown'}): ${volume.why}` }];
  });
  const textOf = (problems: typeof told) => problems.map(({ text }) => text).join('; ');
  const damaged = told.filter(({ state }) => state === 'damaged');
  if (verify && damaged.length > 0) {
    throw new SnaphookError('E_VERIFY', `a file system is not sound: ${textOf(damaged)}`, {
      hint: 'Check it in the guest. Nothing was handed over; `files.verify: false` hands over what can be mounted all the same.',
    });
  }
  if (onUnreadable === 'fail' && told.length > 0) {
    throw new SnaphookError('E_UNREADABLE', `not everything can be read as files: ${textOf(told)}`, {
      hint: 'Hand over images of these VMs (`handOver: images`), or accept the gap with `files.onUnreadable: note`.',
    });
  }
  for (const { text } of told) ports.reporter.warn('a part of a disk is not handed over', { what: text });
  if (volumes.some(({ volume }) => volume.state === 'mounted')) return;
  throw new SnaphookError('E_EXPORT', `run "${plan.runId}" has no file system to hand over`, {
    hint: 'Look at the warnings before this, or hand over images (`handOver: images`).',
  });
}

function nameOf(folder: string, { partition, logicalVolume }: Volume): string {
  if (logicalVolume) return `${folder}, logical volume ${logicalVolume.group}/${logicalVolume.name}`;
  return partition === undefined ? folder : `${folder}, partition ${partition}`;
}

/** Mounts of these targets in the folders of the run, and whatever holds these targets. */
async function release(
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
