import { type ErrorRecord, toErrorRecord } from '../ports/errors.ts';
import type { ArrayId, DeviceId, InstanceUuid } from '../ports/identity.ts';
import type { SnapshotOfDevice } from '../ports/storage-array.ts';
import type { FoundSnapshot } from './found-snapshot.ts';
import { type Grade, isLower } from './grade.ts';
import type { Keep } from './job-spec.ts';
import { OWN_NAME_PREFIX } from './names.ts';
import { readJournal } from './open-plans.ts';
import { devicesOf } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { isKept, type RunState } from './run-state.ts';
import { captureResultOf } from './step-results.ts';
import { untoldSnapshots } from './untold-snapshots.ts';

export interface KeptVm {
  readonly name: string;
  readonly instanceUuid: InstanceUuid;
  readonly role: 'selected' | 'neighbour';
  readonly grade: Grade;
  readonly disks: readonly { readonly label: string; readonly devices: readonly DeviceId[] }[];
}

/** What the journal of a kept snapshot says; of one whose journal is lost, what array and name tell. */
export interface KeptSnapshot {
  readonly runId: string;
  /** Undefined where only the journal knew. */
  readonly job: string | undefined;
  readonly label: string | undefined;
  readonly array: ArrayId;
  /** On the array. */
  readonly name: string;
  readonly snapId: number | undefined;
  readonly devices: readonly DeviceId[];
  readonly takenAt: Date;
  /** About when the array ends it by itself, unless it is linked then. */
  readonly expiresAt: Date | undefined;
  readonly keep: Keep | undefined;
  /** None where only the journal knew. */
  readonly vms: readonly KeptVm[];
  /** Every VM has the grade the job asked for. */
  readonly isGood: boolean;
}

/** Of a kept snapshot on its array. `partial`: only on some of its devices. `unknown`: the array did not answer or is not configured. */
export type KeptState = 'present' | 'linked' | 'partial' | 'gone' | 'unknown';

export interface ListedSnapshot extends KeptSnapshot {
  readonly state: KeptState;
  readonly linkedTargets: readonly DeviceId[];
}

export interface KeptList {
  /** Oldest first. */
  readonly snapshots: readonly ListedSnapshot[];
  /** Arrays that did not answer, and journals that cannot be read. */
  readonly problems: readonly ErrorRecord[];
}

const HOUR_MS = 3_600_000;

/** Undefined when the run has no kept snapshot (any more). */
export function keptSnapshotOf(runId: string, job: string, state: RunState): KeptSnapshot | undefined {
  if (state.found && isKept(state)) return foundSnapshot(runId, state.found, state.label);
  const { plan, capturedAt } = state;
  const capture = captureResultOf(state);
  if (!isKept(state) || !plan || !capture || !capturedAt) return undefined;
  const gradeOf = (vm: InstanceUuid): Grade => capture.vms.find((one) => one.vm === vm)?.grade ?? 'unknown';
  return {
    runId,
    job,
    label: state.label ?? plan.spec.keep?.label,
    array: plan.arrayId,
    name: plan.snapshotName,
    snapId: capture.snapId,
    devices: devicesOf(plan),
    takenAt: capturedAt,
    expiresAt: new Date(capturedAt.getTime() + plan.spec.timeToLiveHours * HOUR_MS),
    keep: plan.spec.keep,
    vms: plan.vms.map(({ name, instanceUuid, role, disks }) => ({
      name,
      instanceUuid,
      role,
      grade: gradeOf(instanceUuid),
      disks: disks.map(({ label, devices }) => ({ label, devices })),
    })),
    isGood: plan.vms.every(({ instanceUuid }) => !isLower(gradeOf(instanceUuid), plan.spec.grade)),
  };
}

/**
 * Every kept snapshot of this installation: those that the journals tell, and those on the arrays that have our mark and whose
 * journal is lost. Each is looked for on its array, with one list an array.
 */
export async function listKept(ports: JobPorts, signal: AbortSignal): Promise<KeptList> {
  const problems: ErrorRecord[] = [];
  const journaled = await journaledSnapshots(ports, problems);
  const listed: ListedSnapshot[] = [];
  const asked = new Set<ArrayId>();
  for (const array of ports.arrays) {
    try {
      const rows = await array.listSnapshots({ namePrefix: OWN_NAME_PREFIX }, signal);
      const own = journaled.filter((snapshot) => snapshot.array === array.id);
      listed.push(...own.map((snapshot) => withState(snapshot, rows)));
      asked.add(array.id);
      for (const { runId, found, snapshots } of await untoldSnapshots(ports, array, rows, signal)) {
        listed.push(withState(foundSnapshot(runId, { ...found, vms: [] }, undefined), snapshots));
      }
    } catch (error) {
      signal.throwIfAborted();
      problems.push(toErrorRecord(error));
    }
  }
  const unasked = journaled.filter(({ array }) => !asked.has(array));
  listed.push(...unasked.map((snapshot) => ({ ...snapshot, state: 'unknown' as const, linkedTargets: [] })));
  return { snapshots: listed.sort((a, b) => a.takenAt.getTime() - b.takenAt.getTime()), problems };
}

async function journaledSnapshots(ports: JobPorts, problems: ErrorRecord[]): Promise<readonly KeptSnapshot[]> {
  const snapshots = new Map<string, KeptSnapshot>();
  // Whoever made it may have died between the last line of its journal and the journal's move.
  for (const { runId, job } of [...(await ports.journals.openRuns()), ...(await ports.journals.keptRuns())]) {
    try {
      const snapshot = keptSnapshotOf(runId, job, (await readJournal(ports, runId)).state);
      if (snapshot) snapshots.set(runId, snapshot);
    } catch (error) {
      problems.push(toErrorRecord(error));
    }
  }
  return [...snapshots.values()];
}

function withState(snapshot: KeptSnapshot, rows: readonly SnapshotOfDevice[]): ListedSnapshot {
  const { name, snapId, devices } = snapshot;
  const found = rows.filter(
    (row) => row.name === name && devices.includes(row.source) && (snapId === undefined || row.snapId === snapId),
  );
  const linkedTargets = targetsOf(found);
  const isWhole = devices.every((device) => found.some(({ source }) => source === device));
  const state =
    linkedTargets.length > 0 ? 'linked' : found.length === 0 ? 'gone' : isWhole ? ('present' as const) : 'partial';
  return { ...snapshot, state, linkedTargets };
}

const foundSnapshot = (runId: string, found: FoundSnapshot, label: string | undefined): KeptSnapshot => ({
  runId,
  job: undefined,
  label,
  array: found.array,
  name: found.name,
  snapId: found.snapId,
  devices: found.devices,
  takenAt: new Date(found.createdAt),
  expiresAt: undefined,
  keep: undefined,
  vms: found.vms.map((vm) => ({ ...vm, role: 'selected', grade: 'unknown' })),
  isGood: false,
});

const targetsOf = (rows: readonly SnapshotOfDevice[]): readonly DeviceId[] =>
  rows.flatMap(({ linkedTargets }) => linkedTargets.map(({ target }) => target));
