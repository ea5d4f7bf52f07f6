import { SnaphookError } from '../ports/errors.ts';
import type { ArrayFacts, ArrayLimits, SourceLoad, StorageArray } from '../ports/storage-array.ts';
import type { JobSpec } from './job-spec.ts';
import type { SourceDevice } from './sources.ts';

const HOUR_MS = 3_600_000;

/** Can the array be asked for snapshots at all? Errors: `E_ARRAY_NOT_LOCAL`, `E_ARRAY_REFUSED`. */
export function checkArray(array: Pick<StorageArray, 'id'>, facts: ArrayFacts): void {
  if (!facts.local) {
    throw new SnaphookError(
      'E_ARRAY_NOT_LOCAL',
      `array "${array.id}" is remote to this Unisphere and cannot be controlled by it`,
      {
        hint: 'Configure the Unisphere server that is local to the array.',
      },
    );
  }
  if (!facts.snapVxLicensed) {
    throw new SnaphookError('E_ARRAY_REFUSED', `array "${array.id}" is not licensed for SnapVX`, {
      hint: 'SnapVX is part of the TimeFinder licence; ask your Dell representative.',
    });
  }
}

/**
 * What the array would refuse in the window or at the link, refused now: no guest was asked for anything. Returns what could not be
 * looked at, in words. Errors: `E_CONFIG`, `E_ARRAY_LIMIT`, `E_DEVICE_UNFIT`.
 */
export async function checkArrayLimits(
  array: Pick<StorageArray, 'id' | 'limits' | 'sourceLoads'>,
  sources: readonly SourceDevice[],
  spec: JobSpec,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const limits = await array.limits(signal);
  checkKeep(spec, limits);
  checkLife(spec, limits);
  if (sources.length > limits.devicesPerSet) {
    throw new SnaphookError(
      'E_ARRAY_LIMIT',
      `job "${spec.name}" needs one snapshot of ${sources.length} devices, and array "${array.id}" takes ${limits.devicesPerSet}`,
      { hint: 'Split the job: VMs of different jobs have different points in time.' },
    );
  }
  return checkSources(array, sources, limits, signal);
}

/**
 * Does the array take one more snapshot of each device? Returns what could not be looked at, in words. Errors: `E_ARRAY_LIMIT`,
 * `E_DEVICE_UNFIT`.
 */
export async function checkSources(
  array: Pick<StorageArray, 'id' | 'sourceLoads'>,
  sources: readonly Pick<SourceDevice, 'device' | 'disks'>[],
  limits: ArrayLimits,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (const { device, disks } of sources) {
    if (device.linkTarget) {
      throw unfit(
        device.id,
        nameOf(disks),
        'is itself linked to a snapshot',
        'Unlink it, or take the VM out of the job.',
      );
    }
  }
  const withSnapshots = sources.filter(({ device }) => device.snapshotSource);
  if (withSnapshots.length === 0) return [];
  const loads = await array.sourceLoads(
    withSnapshots.map(({ device }) => device.id),
    signal,
  );
  const disksOn = new Map(withSnapshots.map(({ device, disks }) => [device.id, disks]));
  for (const load of loads) {
    checkLoad(load, nameOf(disksOn.get(load.device) ?? []), limits);
    disksOn.delete(load.device);
  }
  return disksOn.size === 0 ? [] : [notLookedAt(array, [...disksOn.keys()])];
}

/** Its refusal in the window or at the link would be the first to tell. */
const notLookedAt = ({ id }: Pick<StorageArray, 'id'>, devices: readonly string[]): string =>
  `not looked at: how many snapshots ${devices.length} source device(s) have already (${devices.join(', ')}), and whether one of them is being restored; array "${id}" does not tell it through the interface in use`;

/** The longest that the array keeps a snapshot, and a clear word when it is to be kept for longer. */
function checkKeep({ name, keep, timeToLiveHours }: JobSpec, limits: ArrayLimits): void {
  if (!keep || timeToLiveHours <= limits.timeToLiveHours) return;
  throw new SnaphookError(
    'E_CONFIG',
    `a snapshot of job "${name}" cannot be kept for ${keep.days} days: the array takes a time to live of ${limits.timeToLiveHours} h at most`,
    { hint: 'Give fewer days: `--keep-days`, or `retention.days` of the job.' },
  );
}

/** Longer than the hook may work on it, and one more round of undoing; how long the backup takes then, nobody knows but the admin. */
function checkLife({ name, timeToLiveHours, limits: { deadlineMs, undoMs } }: JobSpec, limits: ArrayLimits): void {
  const leastHours = Math.ceil((deadlineMs + undoMs) / HOUR_MS);
  if (timeToLiveHours >= leastHours && timeToLiveHours <= limits.timeToLiveHours) return;
  const isShort = timeToLiveHours < leastHours;
  const why = isShort
    ? `shorter than the hook may work (${leastHours} h)`
    : `beyond the array's ${limits.timeToLiveHours} h`;
  throw new SnaphookError('E_CONFIG', `timeToLiveHours of job "${name}" is ${timeToLiveHours}, ${why}`, {
    hint: isShort
      ? 'Set it to the longest time a backup may take, and some more: the array removes the snapshot after it.'
      : 'Set a shorter one; retention belongs to the backup product.',
  });
}

function checkLoad(load: SourceLoad, disk: string, limits: ArrayLimits): void {
  const { device, snapshots, linkedTargets, isRestoring } = load;
  if (isRestoring) {
    throw unfit(device, disk, 'is being restored from a snapshot', 'End the restore session in Unisphere first.');
  }
  if (snapshots >= limits.snapshotsPerSource) {
    throw full(device, disk, `${snapshots} snapshots, and the array keeps ${limits.snapshotsPerSource} of one device`);
  }
  if (linkedTargets !== undefined && linkedTargets >= limits.targetsPerSource) {
    throw full(
      device,
      disk,
      `${linkedTargets} linked targets, and the array keeps ${limits.targetsPerSource} of one device`,
    );
  }
}

const nameOf = ([first]: SourceDevice['disks']): string =>
  first ? `disk "${first.label}" of VM "${first.vmName}"` : 'a disk';

const unfit = (device: string, disk: string, why: string, hint: string) =>
  new SnaphookError('E_DEVICE_UNFIT', `device "${device}" (${disk}) ${why}`, { hint });

const full = (device: string, disk: string, why: string) =>
  new SnaphookError('E_ARRAY_LIMIT', `device "${device}" (${disk}) has ${why}`, {
    hint: 'Unlink or terminate those that are no longer needed; `snaphook reap` shows the ones of this tool.',
  });
