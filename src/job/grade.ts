import type { FreezeEvidence, PreparedGuest } from '../ports/guest.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { SnapshotOfDevice } from '../ports/storage-array.ts';
import { applicationDoubts } from './application-doubts.ts';

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

/** What one guest told: before the freeze, and after it. */
export interface GuestEvidence {
  readonly prepared: PreparedGuest;
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
  /** On the route `managed`: the VM snapshot, in place of devices and their snapshots. */
  readonly vmSnapshot?: VmSnapshotEvidence;
  readonly capturedDiskUuids: readonly (string | undefined)[];
  /** What is handed over comes out of the shadow copies in the volumes, where the guest left some. Absent: it is the volumes themselves. */
  readonly readsShadowCopies?: boolean;
  /** Labels of captured disks that other VMs, not frozen, may write to. */
  readonly sharedDisks: readonly string[];
  /** Labels of captured disks whose writes may still be in a filter or cache on the ESXi host. */
  readonly heldBackDisks: readonly string[];
  /**
   * Why the disks may not have been on those devices at the establish; empty: looked at before the freeze and after the thaw. On the
   * route `managed`: disks of the VM snapshot that are not as they were planned and looked at before the freeze.
   */
  readonly layoutDoubts: readonly string[];
}

/** What vCenter shows after a snapshot of the VM was taken. */
export interface VmSnapshotEvidence {
  /** Snapshots of the run's name that the VM has. */
  readonly count: number;
  /** Serials of the disks that are part of it. */
  readonly diskUuids: readonly (string | undefined)[];
  /** vCenter's word alone: nobody told which writers or file systems stood still. */
  readonly quiescedByTools: boolean;
}

export interface GradedVm {
  readonly grade: Grade;
  /** Why it is not better. For `application`: what it does not say, where file systems were not held. */
  readonly reasons: readonly string[];
}

/** Is it less than what was asked for? Applications alone, with file systems that were not held, are no `filesystem` either. */
export const isBelow = ({ grade, evidence }: GradedVm & { readonly evidence: VmEvidence }, requested: Grade): boolean =>
  isLower(grade, requested) || (requested === 'filesystem' && !!evidence.guest && onlyApplications(evidence.guest));

/** Held in `precommit`: applications stood still on flushed volumes, and other programs went on writing. */
const onlyApplications = ({ prepared }: GuestEvidence): boolean =>
  prepared.strategy === 'vss-provider' && prepared.hold === 'precommit';

const NOT_HELD =
  'file systems were not held (hold: precommit): what nothing in the guest speaks for is crash-consistent only';

/**
 * The grade that the evidence supports; in doubt the lower one. `docs/grades.md` is the written model.
 *
 * `crash`: one establish, one snap id for all devices, and the disks were on them. `filesystem`: in addition, writes were provably held when the array
 * committed: the establish was sent after "frozen", its answer seen before "thaw", the guest's own release acknowledged within
 * its lease and not earlier than we think; every captured disk holds something that stood still; and the freeze ended well after
 * a flush. `application`: in addition every required writer or application was quiet before and well after. A hold in `precommit` holds
 * applications alone: it earns `application`, which then says so, or `crash`. Where a guest made shadow
 * copies, these take the place of the hold: they were there before the establish and still after it, and are what is handed over.
 */
export function gradeOf(evidence: VmEvidence): GradedVm {
  const noPoint = [...snapshotDoubts(evidence), ...evidence.layoutDoubts];
  if (noPoint.length > 0) return { grade: 'unknown', reasons: noPoint };
  const { guest } = evidence;
  if (!guest) return gradeWithoutGuest(evidence);
  const notHeld = [
    ...evidence.heldBackDisks.map(heldBack),
    ...(guest.prepared.strategy === 'vss-diskshadow'
      ? copyDoubts(evidence, guest)
      : windowDoubts(evidence.times, guest)),
    ...coverageDoubts(evidence, guest),
    ...evidence.sharedDisks.map(shared),
  ];
  if (notHeld.length > 0) return { grade: 'crash', reasons: notHeld };
  const notQuiet = applicationDoubts(guest);
  const lower = onlyApplications(guest)
    ? ({ grade: 'crash', reasons: [NOT_HELD] } as const)
    : ({ grade: 'filesystem', reasons: [] } as const);
  if (notQuiet.length > 0) return { grade: lower.grade, reasons: [...notQuiet, ...lower.reasons] };
  return { grade: 'application', reasons: lower.reasons };
}

const heldBack = (label: string) => `writes to disk "${label}" may be held back on the ESXi host`;
const shared = (label: string) => `disk "${label}" is shared with VMs that were not frozen`;

/** VMware Tools earn `filesystem` at most: no writer and no application is heard of. */
function gradeWithoutGuest({ vmSnapshot, times, sharedDisks, heldBackDisks }: VmEvidence): GradedVm {
  if (!vmSnapshot?.quiescedByTools) return { grade: 'crash', reasons: ['the guest was not frozen'] };
  if (times.establishConfirmedMs === undefined)
    return { grade: 'crash', reasons: ['vCenter did not confirm the quiesced snapshot itself'] };
  const notHeld = [...heldBackDisks.map(heldBack), ...sharedDisks.map(shared)];
  if (notHeld.length > 0) return { grade: 'crash', reasons: notHeld };
  return { grade: 'filesystem', reasons: ['the guest was quiesced by VMware Tools: no application spoke for itself'] };
}

function snapshotDoubts({ devices, snapshots, vmSnapshot, capturedDiskUuids }: VmEvidence): string[] {
  if (vmSnapshot) return vmSnapshotDoubts(vmSnapshot, capturedDiskUuids);
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

function vmSnapshotDoubts(
  { count, diskUuids }: VmSnapshotEvidence,
  capturedDiskUuids: readonly (string | undefined)[],
): string[] {
  if (capturedDiskUuids.length === 0) return ['no disk was captured'];
  if (count !== 1) return [`the VM has ${count} snapshots of this run, not exactly one`];
  return capturedDiskUuids
    .filter((disk) => disk === undefined || !diskUuids.includes(disk))
    .map((disk) => `disk "${disk ?? 'without serial'}" is no part of the snapshot`);
}

/** Two clocks and a wire lie between the guest's hold and ours: this much, and 5 %, they may differ. */
const CLOCK_TOLERANCE_MS = 50;
const CLOCK_TOLERANCE_SHARE = 0.05;

function windowDoubts(times: WindowTimes, { prepared, freeze }: GuestEvidence): string[] {
  const { frozenMs, establishSentMs, establishConfirmedMs, thawSentMs } = times;
  if (frozenMs === undefined) return ['the guest never confirmed that it was frozen'];
  if (establishSentMs === undefined || establishSentMs < frozenMs)
    return ['the establish was sent before the guest was frozen'];
  if (establishConfirmedMs === undefined) return ['the array did not confirm the establish inside the freeze window'];
  if (thawSentMs === undefined || establishConfirmedMs > thawSentMs)
    return ['the guest was thawed before the array confirmed the establish'];
  if (!freeze) return ['the guest did not tell how the freeze ended'];
  if (freeze.strategy !== prepared.strategy) return ['the guest was prepared in one way and frozen in another'];
  const { verdict } = freeze;
  if (verdict.kind === 'expired') return ['the guest released its writes by itself before we did'];
  if (verdict.kind === 'not-held') return ['the guest held nothing'];
  if (verdict.heldMs > prepared.leaseMs)
    return [`writes were held for longer than the lease of ${prepared.leaseMs} ms`];
  // From the moment we knew it frozen to the moment the array had answered, the guest must have held by its own account too.
  const neededMs = establishConfirmedMs - frozenMs;
  if (verdict.heldMs < neededMs * (1 - CLOCK_TOLERANCE_SHARE) - CLOCK_TOLERANCE_MS)
    return [`the guest held writes for ${Math.round(verdict.heldMs)} ms, less than the establish took`];
  if (!freeze.finished || !freeze.flushed) return [`the freeze ended with ${freeze.result}`];
  if (freeze.strategy === 'linux-fsfreeze') return fileSystemDoubts(prepared, freeze.fileSystems);
  return [];
}

/** The window needs no hold: what counts is that the array's snapshot has the shadow copies in it, and that they are what is read. */
function copyDoubts({ times, readsShadowCopies }: VmEvidence, { prepared, freeze }: GuestEvidence): string[] {
  const { establishSentMs, establishConfirmedMs } = times;
  if (!freeze) return ['the guest did not tell what became of its shadow copies'];
  if (freeze.strategy !== 'vss-diskshadow') return ['the guest was prepared in one way and frozen in another'];
  if (!freeze.finished || !freeze.flushed) return [`the shadow copies were not made well: ${freeze.result}`];
  if (establishSentMs === undefined || establishSentMs < freeze.madeMs)
    return ['the establish was sent before the shadow copies were there'];
  if (establishConfirmedMs === undefined) return ['the array did not confirm the establish itself'];
  if (freeze.lookedAgainMs < establishConfirmedMs)
    return ['the shadow copies were not looked for again after the array had confirmed the establish'];
  const gone = freeze.shadowCopies.filter(({ id }) => freeze.lost.includes(id));
  if (gone.length > 0) return gone.map(({ id }) => `shadow copy "${id}" was gone after the establish`);
  const uncopied = prepared.volumes.filter(({ name }) => !freeze.shadowCopies.some(({ volume }) => volume === name));
  if (uncopied.length > 0) return uncopied.map(({ name }) => `volume "${name}" has no shadow copy`);
  if (readsShadowCopies) return [];
  return [
    'images show the volumes as they were while the guest wrote; what stood still is in shadow copies inside them',
  ];
}

function fileSystemDoubts(
  { volumes }: PreparedGuest,
  fileSystems: Extract<FreezeEvidence, { strategy: 'linux-fsfreeze' }>['fileSystems'],
): string[] {
  const missing = volumes.filter(({ name }) => !fileSystems.some((fileSystem) => fileSystem.name === name));
  return [
    ...missing.map(({ name }) => `file system "${name}" was not seen after the freeze`),
    ...fileSystems
      .filter(({ frozen, heldToTheEnd }) => !frozen || !heldToTheEnd)
      .map(({ name, frozen }) => `file system "${name}" was ${frozen ? 'not held to the end' : 'not frozen'}`),
  ];
}

function coverageDoubts({ capturedDiskUuids }: VmEvidence, { prepared }: GuestEvidence): string[] {
  const linux = prepared.strategy === 'linux-fsfreeze' ? prepared : { swapDisks: [], notFreezable: [] };
  const covered = new Set([...prepared.volumes.flatMap(({ diskUuids }) => diskUuids), ...linux.swapDisks]);
  return [
    ...capturedDiskUuids
      .filter((disk) => disk === undefined || !covered.has(disk))
      .map((disk) => `disk "${disk ?? 'without serial'}" holds no volume that was frozen`),
    ...(prepared.strategy === 'vss-provider' ? (prepared.notHeld ?? []) : []).map(
      (name) =>
        `volume "${name}" has no file system that VSS could hold, and may have changed while the rest stood still`,
    ),
    ...linux.notFreezable.map((name) => `"${name}" may have changed while the rest stood still`),
  ];
}
