import { SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { SnapshotOfDevice, StorageArray } from '../ports/storage-array.ts';
import { jobLock } from './job-turn.ts';
import { OWN_NAME_PREFIX, runOfSnapshotName } from './names.ts';
import type { JobPorts } from './ports.ts';
import { cleanUpRun, loadRun } from './run-record.ts';
import { captureStep } from './steps/capture.ts';

export type Finding =
  /** A run whose process died before it handed over. */
  | { readonly kind: 'crashed-run'; readonly runId: string; readonly job: string }
  /** A run that was handed over and whose post hook has not come. */
  | { readonly kind: 'waiting-run'; readonly runId: string; readonly job: string; readonly since: string }
  /** A run whose journal cannot be read: nobody but a person can say what it holds. */
  | { readonly kind: 'unreadable-run'; readonly runId: string; readonly job: string }
  /** A run at work in another process right now. */
  | { readonly kind: 'running'; readonly runId: string; readonly job: string }
  /** A snapshot of a run that this machine has closed: name and journal prove that it is ours. */
  | {
      readonly kind: 'orphan-snapshot';
      readonly runId: string;
      readonly array: string;
      readonly name: string;
      readonly devices: readonly DeviceId[];
    }
  /** A name of our form without a journal here: another proxy's, or not ours at all. Reported, never touched. */
  | {
      readonly kind: 'foreign-snapshot';
      readonly array: string;
      readonly name: string;
      readonly devices: readonly DeviceId[];
    };

export interface ReapedFinding {
  readonly finding: Finding;
  /** `kept`: only reported. `failed`: tried and something is left. */
  readonly did: 'removed' | 'kept' | 'failed';
  readonly error?: string;
}

export interface ReapRequest {
  /** False: look only. */
  readonly apply: boolean;
  /** Also end runs that were handed over and never saw their post hook. */
  readonly includeWaiting: boolean;
}

/** Finds what runs left behind, and with `apply` removes what is provably ours. */
export async function reap(
  ports: JobPorts,
  request: ReapRequest,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const reaped: ReapedFinding[] = [];
  if (request.apply) await ports.locks.sweep();
  const open = await ports.journals.openRuns();
  for (const { runId, job } of open) reaped.push(await reapRun(ports, request, runId, job));
  for (const array of ports.arrays) {
    const snapshots = await array.listSnapshots({ namePrefix: OWN_NAME_PREFIX }, signal);
    const openIds = new Set(open.map(({ runId }) => runId));
    for (const [name, ofName] of groupByName(snapshots)) {
      const id = runOfSnapshotName(name);
      if (id === undefined || !openIds.has(id))
        reaped.push(await reapSnapshot(ports, request, array, name, ofName, signal));
    }
  }
  return reaped;
}

async function reapRun(ports: JobPorts, request: ReapRequest, runId: string, job: string): Promise<ReapedFinding> {
  const lock = await ports.locks.acquire(jobLock(job), 0).catch((error: unknown) => {
    if (error instanceof SnaphookError && error.code === 'E_LOCKED') return undefined;
    throw error;
  });
  if (!lock) return { finding: { kind: 'running', runId, job }, did: 'kept' };
  try {
    const loaded = await readable(() => loadRun(ports, runId));
    if (loaded instanceof SnaphookError) {
      return { finding: { kind: 'unreadable-run', runId, job }, did: 'kept', error: loaded.message };
    }
    const { handedOverAt, releasing } = loaded.journal.state;
    const since = releasing ? undefined : handedOverAt;
    const finding: Finding = since
      ? { kind: 'waiting-run', runId, job, since: since.toISOString() }
      : { kind: 'crashed-run', runId, job };
    if (!request.apply || (since && !request.includeWaiting)) return { finding, did: 'kept' };
    return await attempt(finding, () => cleanUpRun(ports, runId, 'recovered'));
  } finally {
    await lock.release();
  }
}

async function reapSnapshot(
  ports: JobPorts,
  request: ReapRequest,
  array: StorageArray,
  name: string,
  snapshots: readonly SnapshotOfDevice[],
  signal: AbortSignal,
): Promise<ReapedFinding> {
  const devices = snapshots.map(({ source }) => source);
  const foreign: Finding = { kind: 'foreign-snapshot', array: array.id, name, devices };
  const id = runOfSnapshotName(name);
  const run = id === undefined ? undefined : await ownRun(ports, id);
  // A run without an outcome began after the open ones were listed: it is at work, not an orphan.
  if (id && run && run.journal.state.outcome === undefined) {
    return { finding: { kind: 'running', runId: id, job: run.plan.spec.name }, did: 'kept' };
  }
  const planned = new Set<string>(run?.plan.devices.map(({ device }) => device));
  if (!id || !run || run.plan.arrayId !== array.id || !devices.every((device) => planned.has(device))) {
    return { finding: foreign, did: 'kept' };
  }
  const finding: Finding = { kind: 'orphan-snapshot', runId: id, array: array.id, name, devices };
  if (!request.apply) return { finding, did: 'kept' };
  return attempt(finding, () => captureStep.undo(run, signal));
}

/** The run of that id if this machine has its journal. */
async function ownRun(ports: JobPorts, id: string) {
  const loaded = await readable(() => loadRun(ports, id));
  return loaded instanceof SnaphookError ? undefined : loaded.run;
}

/** A missing or damaged journal, or one of an array that is not configured any more, is an answer here. */
async function readable<Result>(load: () => Promise<Result>): Promise<Result | SnaphookError> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof SnaphookError && (error.code === 'E_JOURNAL' || error.code === 'E_CONFIG')) return error;
    throw error;
  }
}

async function attempt(finding: Finding, work: () => Promise<void>): Promise<ReapedFinding> {
  try {
    await work();
    return { finding, did: 'removed' };
  } catch (error) {
    return { finding, did: 'failed', error: toErrorRecord(error).message };
  }
}

function groupByName(snapshots: readonly SnapshotOfDevice[]): ReadonlyMap<string, readonly SnapshotOfDevice[]> {
  const groups = new Map<string, SnapshotOfDevice[]>();
  for (const snapshot of snapshots) groups.set(snapshot.name, [...(groups.get(snapshot.name) ?? []), snapshot]);
  return groups;
}
