import type { ChangedRegions, CommittedBands, TrackedPoint } from '../ports/bands.ts';
import type { MoRef } from '../ports/identity.ts';
import type { PlannedImage } from './plan.ts';
import type { Run } from './step.ts';
import { managedCaptureResultOf } from './step-results.ts';
import { inVcenter } from './vcenter-session.ts';

/** A disk in the VM snapshot of this run, by a name of that point in time. */
interface TrackedDisk {
  readonly point: TrackedPoint;
  readonly vm: MoRef;
  readonly snapshot: MoRef;
  readonly key: number;
}

/**
 * The disk that an image is made of, where later runs may ask what changed since this snapshot. Undefined where they may not: vSphere does
 * not track the disk, or the VM has another snapshot. Reverted to that one, its disks would become older than what was read here.
 */
export function trackedDiskOf({ plan, journal }: Run, image: PlannedImage): TrackedDisk | undefined {
  const planned = plan.managed?.disks.find(({ imagePath }) => imagePath === image.imagePath);
  const vm = plan.vms.find(({ instanceUuid }) => instanceUuid === planned?.vm);
  const taken = managedCaptureResultOf(journal.state)?.snapshots.find((one) => one.vm === planned?.vm);
  const disk = taken?.disks.find(({ key }) => key === planned?.key);
  if (!planned || !vm || !taken?.isOnly || disk?.changeId === undefined) return undefined;
  if (disk.capacityBytes !== image.imageBytes || disk.diskUuid !== planned.diskUuid) return undefined;
  // Of its file name the folder alone: the name itself changes with snapshots.
  const folder = disk.fileName.slice(0, disk.fileName.lastIndexOf('/') + 1);
  const identity = [vm.instanceUuid, vm.moRef, disk.key, disk.diskUuid, folder].join(' ');
  const point = { disk: identity, changeId: disk.changeId };
  return { point, vm: vm.moRef, snapshot: taken.moRef, key: disk.key };
}

/** What vSphere says that changed since the bands were committed. Undefined, and told why: the disk has to be read whole. */
export async function changedRegionsOf(
  run: Run,
  image: PlannedImage & { readonly bandBytes: number },
  disk: TrackedDisk | undefined,
  before: CommittedBands | undefined,
  signal: AbortSignal,
): Promise<ChangedRegions | undefined> {
  const readWhole = (because: string): undefined => {
    run.ports.reporter.info('disk is read whole', { image: image.imagePath, because });
  };
  if (!run.plan.managed) return readWhole('changed block tracking knows nothing of array snapshots');
  if (!disk) return readWhole('vSphere does not track its changes, or its VM has another snapshot');
  if (!before) return readWhole('there are no bands of it yet');
  const { point } = before;
  if (!point) return readWhole('the run before could not name what it read');
  const doubt = doubtAbout(disk.point, point);
  if (doubt !== undefined) return readWhole(doubt);
  if (before.sizeBytes !== image.imageBytes || before.bandBytes !== image.bandBytes) {
    return readWhole('the disk or its bands had another size');
  }
  const { vm, snapshot, key } = disk;
  const asked = { vm, snapshot, key, capacityBytes: image.imageBytes, changeId: point.changeId };
  return inVcenter(run, signal, async (vcenter) => {
    try {
      return { sinceRun: before.run.id, ranges: await vcenter.changedAreas(asked, signal) };
    } catch (error) {
      signal.throwIfAborted();
      return readWhole(error instanceof Error ? error.message : String(error));
    }
  });
}

/** Why the tracking may have missed something between the two; undefined: it went on from one to the other. */
function doubtAbout(now: TrackedPoint, before: TrackedPoint): string | undefined {
  if (now.disk !== before.disk) return 'the bands are of another disk, or the disk was moved';
  const [current, last] = [now, before].map(({ changeId }) => /^(.+)\/(\d{1,15})$/.exec(changeId));
  if (!current || !last) return 'the names of the points in time are not of the form that is known';
  if (current[1] !== last[1]) return 'the tracking of its changes began anew since the run before';
  return Number(current[2]) > Number(last[2]) ? undefined : 'the disk is not later than what the run before read';
}
