import type { Grade } from '../../src/job/grade.ts';
import type { FreezeStrategy } from '../../src/ports/guest.ts';

/**
 * What really happened around one capture of one VM, told by the simulators themselves. Whoever judges by it knows nothing of
 * what the product saw, believed or printed.
 */
export interface CaptureTruth {
  /** For each captured device, every point in time that carries the run's name on it. */
  readonly pointsOfDevices: readonly (readonly PointInTime[])[];
  /** Spans in which the guest's writes were held; none for a guest that was not asked. */
  readonly holds: readonly TrueHold[];
  /** Serials of the captured disks; undefined where the guest cannot tell which disk it is. */
  readonly diskUuids: readonly (string | undefined)[];
  /** What is read are the shadow copies that a guest left, and not the volumes themselves. */
  readonly readsShadowCopies?: boolean;
  /** Somebody who was not held may write to one of the disks. */
  readonly hasOtherWriters: boolean;
}

export interface PointInTime {
  readonly snapId: number;
  readonly atMs: number;
}

/** Of shadow copies: the span in which they were there. */
export interface TrueHold {
  readonly guest: FreezeStrategy | 'vmware-tools';
  readonly fromMs: number;
  /** Undefined: it lasts. */
  readonly untilMs: number | undefined;
  readonly flushed: boolean;
  /** Disks on which nothing could change: everything on them was held, or does not matter. */
  readonly diskUuids: readonly string[];
  /** What had to come to rest, and whether it did. */
  readonly applications: readonly { readonly required: boolean; readonly quiesced: boolean }[];
}

/** The grade a capture deserves: what its bytes are, not what anybody could know of them. */
export function trueGrade({
  pointsOfDevices,
  holds,
  diskUuids,
  readsShadowCopies = false,
  hasOtherWriters,
}: CaptureTruth): Grade {
  const first = pointsOfDevices[0]?.[0];
  const isOnePoint =
    first !== undefined && pointsOfDevices.every(([point, ...more]) => point?.atMs === first.atMs && more.length === 0);
  if (!isOnePoint) return 'unknown';
  const { atMs } = first;
  const hold = holds.find(
    ({ guest, fromMs, untilMs }) =>
      fromMs <= atMs && (untilMs === undefined || atMs < untilMs) && (guest !== 'vss-diskshadow' || readsShadowCopies),
  );
  if (!hold?.flushed || hasOtherWriters) return 'crash';
  const areDisksHeld = diskUuids.every((disk) => disk !== undefined && hold.diskUuids.includes(disk));
  if (!areDisksHeld) return 'crash';
  const required = hold.applications.filter((application) => application.required);
  // Windows asks every writer itself; in Linux somebody has to have named an application; VMware Tools ask nobody that we hear of.
  const isAsked = hold.guest === 'vss-provider' || required.length > 0;
  return isAsked && required.every(({ quiesced }) => quiesced) ? 'application' : 'filesystem';
}

const RANK: Readonly<Record<Grade, number>> = { application: 3, filesystem: 2, crash: 1, unknown: 0 };

/** Negative: the printed grade promises more than the capture is. */
export const marginOf = (truth: Grade, printed: Grade): number => RANK[truth] - RANK[printed];
