import type { FreezeEvidence, GuestVolume, WriterStatus } from '../ports/guest.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { SnapshotOfDevice } from '../ports/storage-array.ts';

/** Consistency reached, from evidence only, best first. */
export const GRADES = ['application', 'filesystem', 'crash', 'unknown'] as const;
export type Grade = (typeof GRADES)[number];

/** True when `reached` is worse than `requested`. */
export function isLower(reached: Grade, requested: Grade): boolean {
  return GRADES.indexOf(reached) > GRADES.indexOf(requested);
}

/** Moments of the freeze window on one monotonic clock, milliseconds. `undefined`: it did not happen or was not seen. */
export interface WindowTimes {
  readonly freezeRequestedMs: number | undefined;
  readonly frozenMs: number | undefined;
  readonly establishSentMs: number | undefined;
  /** The array's answer, seen by us. A snapshot found by a later look does not count. */
  readonly establishConfirmedMs: number | undefined;
  readonly thawSentMs: number | undefined;
  readonly thawedMs: number | undefined;
}

/** What one guest told. */
export interface GuestEvidence {
  readonly strategy: 'vss-provider';
  readonly writersBefore: readonly WriterStatus[];
  readonly volumes: readonly GuestVolume[];
  readonly freeze: FreezeEvidence | undefined;
}

/** Everything a grade may rest on, for one VM. */
export interface VmEvidence {
  readonly times: WindowTimes;
  readonly guest: GuestEvidence | undefined;
  /** Devices that hold the VM's captured disks. */
  readonly devices: readonly DeviceId[];
  /** What the array says about those devices after the establish. */
  readonly snapshots: readonly SnapshotOfDevice[];
  readonly capturedDiskUuids: readonly (string | undefined)[];
  /** Labels of captured disks that other VMs, not frozen, may write to. */
  readonly sharedDisks: readonly string[];
}

export interface GradedVm {
  readonly grade: Grade;
  /** Why it is not better; empty for `application`. */
  readonly reasons: readonly string[];
}

/**
 * The grade that the evidence supports; in doubt the lower one.
 *
 * `crash`: one establish, one snap id for all devices. `filesystem`: in addition, writes were provably held when the array
 * committed: the establish was sent after "frozen", its answer seen before "thaw", and the guest's own release acknowledged,
 * so that the hold had not expired; and the freeze framework ended well after a flush. `application`: in addition every required
 * writer was stable before and without failure after, and every captured disk holds a frozen volume.
 */
export function gradeOf(evidence: VmEvidence): GradedVm {
  const noPoint = snapshotDoubts(evidence);
  if (noPoint.length > 0) return { grade: 'unknown', reasons: noPoint };
  if (!evidence.guest) return { grade: 'crash', reasons: ['the guest was not frozen'] };
  const notHeld = [
    ...windowDoubts(evidence.times, evidence.guest.freeze),
    ...evidence.sharedDisks.map((label) => `disk "${label}" is shared with VMs that were not frozen`),
  ];
  if (notHeld.length > 0) return { grade: 'crash', reasons: notHeld };
  const notQuiet = applicationDoubts(evidence, evidence.guest);
  if (notQuiet.length > 0) return { grade: 'filesystem', reasons: notQuiet };
  return { grade: 'application', reasons: [] };
}

function snapshotDoubts({ devices, snapshots }: VmEvidence): string[] {
  if (devices.length === 0) return ['no device was captured'];
  const doubts = devices
    .filter((device) => snapshots.filter((snapshot) => snapshot.source === device).length !== 1)
    .map((device) => `device "${device}" does not have exactly one snapshot of this run`);
  const ids = new Set(snapshots.map((snapshot) => snapshot.snapId));
  if (ids.size > 1) doubts.push(`the devices carry ${ids.size} different snap ids: not one point in time`);
  if (ids.has(undefined) && devices.length > 1)
    doubts.push('the array tells no snap id: one point in time is not proven');
  return doubts;
}

function windowDoubts(times: WindowTimes, freeze: FreezeEvidence | undefined): string[] {
  const { frozenMs, establishSentMs, establishConfirmedMs, thawSentMs } = times;
  if (frozenMs === undefined) return ['the guest never confirmed that it was frozen'];
  if (establishSentMs === undefined || establishSentMs < frozenMs)
    return ['the establish was sent before the guest was frozen'];
  if (establishConfirmedMs === undefined) return ['the array did not confirm the establish inside the freeze window'];
  if (thawSentMs === undefined || establishConfirmedMs > thawSentMs)
    return ['the guest was thawed before the array confirmed the establish'];
  if (!freeze) return ['the guest did not tell how the freeze ended'];
  if (freeze.verdict.kind === 'expired') return ['the guest released its writes by itself before we did'];
  if (!freeze.finished || !freeze.flushed) return [`the freeze ended with ${freeze.result}`];
  return [];
}

const STABLE = 1;
/** VSS_WRITER_STATE from here on means failed in some phase. */
export const FIRST_FAILED_STATE = 6;
const NO_FAILURE = '0x00000000';

function applicationDoubts(evidence: VmEvidence, guest: GuestEvidence): string[] {
  const doubts: string[] = [];
  for (const writer of guest.writersBefore) {
    if (writer.required && (writer.state !== STABLE || writer.hresult !== NO_FAILURE)) {
      doubts.push(
        `writer "${writer.name}" was not stable before the freeze (state ${writer.state}, ${writer.hresult})`,
      );
    }
  }
  const after = guest.freeze?.writersAfter ?? [];
  for (const writer of guest.writersBefore.filter(({ required }) => required)) {
    const seen = after.filter(({ id, name }) => id === writer.id && name === writer.name);
    if (seen.length === 0) doubts.push(`writer "${writer.name}" was not seen after the freeze`);
  }
  for (const writer of after) {
    const failed = writer.state === 0 || writer.state >= FIRST_FAILED_STATE || writer.hresult !== NO_FAILURE;
    if (writer.required && failed)
      doubts.push(`writer "${writer.name}" failed (state ${writer.state}, ${writer.hresult})`);
  }
  const frozenDisks = new Set(guest.volumes.flatMap(({ diskUuids }) => diskUuids));
  for (const disk of evidence.capturedDiskUuids) {
    if (disk === undefined || !frozenDisks.has(disk))
      doubts.push(`disk "${disk ?? 'without serial'}" holds no volume that was frozen`);
  }
  return doubts;
}
