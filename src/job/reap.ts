import { SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { DeviceId, RunId } from '../ports/identity.ts';
import type { HandedOverFile } from '../ports/images.ts';
import type { SnapshotOfDevice, StorageArray } from '../ports/storage-array.ts';
import type { Finding, ReapedFinding } from './finding.ts';
import { jobLock } from './job-turn.ts';
import { judgeLostExports } from './lost-exports.ts';
import { judgeLostSnapshots, type PoolReader } from './lost-snapshots.ts';
import { judgeLostVmSnapshots } from './lost-vm-snapshots.ts';
import { OWN_NAME_PREFIX, parseSnapshotName } from './names.ts';
import type { JobPorts } from './ports.ts';
import { cleanUpRun, loadRun } from './run-record.ts';
import type { Run } from './step.ts';
import { captureStep } from './steps/capture.ts';

export interface ReapRequest {
  /** False: look only. Nothing is changed then, not even a lock is taken. */
  readonly apply: boolean;
  /** Also end runs that were handed over and never saw their post hook. */
  readonly includeWaiting: boolean;
  /** What has no journal here is removed only if its run began longer ago: younger ones may be at work elsewhere. */
  readonly olderThanMs: number;
}

/**
 * Finds what runs left behind, and with `apply` removes what is provably ours: with a journal by name and plan, without one by
 * the mark in the name and the time its keeper tells (docs/decisions/ownership.md). Everything else is told and left alone.
 */
export async function reap(
  ports: JobPorts,
  request: ReapRequest,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const ofThisMachine = await reapLocksAndUnborn(ports, request);
  const open = await ports.journals.openRuns();
  const runs: ReapedFinding[] = [];
  for (const { runId, job } of open) runs.push(await reapRun(ports, request, runId, job));
  const openIds = new Set(open.map(({ runId }) => runId));
  const snapshots: ReapedFinding[] = [];
  for (const array of ports.arrays) snapshots.push(...(await reapArray(ports, request, array, openIds, signal)));
  const vmSnapshots = await reapVmSnapshots(ports, request, openIds, signal);
  const exports: ReapedFinding[] = [];
  for (const directory of new Set(ports.installation.jobs.map(({ exportDirectory }) => exportDirectory))) {
    exports.push(...(await reapDirectory(ports, request, directory)));
  }
  return [...runs, ...snapshots, ...vmSnapshots, ...exports, ...ofThisMachine];
}

async function reapLocksAndUnborn(ports: JobPorts, { apply }: ReapRequest): Promise<readonly ReapedFinding[]> {
  const stale = (await ports.locks.list()).filter(({ abandoned }) => abandoned);
  const unborn = await ports.journals.unborn();
  if (apply) {
    await ports.locks.sweep();
    await ports.journals.sweep();
  }
  const told = (finding: Finding): ReapedFinding => ({
    finding,
    did: apply ? 'removed' : 'found',
    because: 'the process of this machine that made it is gone',
  });
  return [
    ...stale.map(({ name }) => told({ kind: 'stale-lock', name })),
    ...unborn.map((name) => told({ kind: 'unborn-journal', name })),
  ];
}

async function reapRun(ports: JobPorts, request: ReapRequest, runId: string, job: string): Promise<ReapedFinding> {
  const running = { finding: { kind: 'running', runId, job }, did: 'kept', because: 'its job is at work now' } as const;
  if (!request.apply) {
    const held = await ports.locks.list();
    const isAtWork = held.some(({ name, abandoned }) => name === jobLock(job) && !abandoned);
    return isAtWork ? running : judgeRun(ports, request, runId, job);
  }
  const lock = await ports.locks.acquire(jobLock(job), 0).catch((error: unknown) => {
    if (error instanceof SnaphookError && error.code === 'E_LOCKED') return undefined;
    throw error;
  });
  if (!lock) return running;
  try {
    const judged = await judgeRun(ports, request, runId, job);
    if (judged.did !== 'found') return judged;
    return await attempt(judged, () => cleanUpRun(ports, runId, 'recovered'));
  } finally {
    await lock.release();
  }
}

async function judgeRun(ports: JobPorts, request: ReapRequest, runId: string, job: string): Promise<ReapedFinding> {
  const loaded = await readable(() => loadRun(ports, runId));
  if (loaded instanceof SnaphookError) {
    const because = 'its journal cannot be read: what it holds only a person can say';
    return { finding: { kind: 'unreadable-run', runId, job }, did: 'kept', because, error: loaded.message };
  }
  const { handedOverAt, releasing } = loaded.journal.state;
  if (handedOverAt === undefined || releasing) {
    return {
      finding: { kind: 'crashed-run', runId, job },
      did: 'found',
      because: 'its journal is open and nobody works on it',
    };
  }
  const finding: Finding = { kind: 'waiting-run', runId, job, since: handedOverAt.toISOString() };
  return request.includeWaiting
    ? { finding, did: 'found', because: 'its journal is open; runs that wait for their post hook are asked for' }
    : { finding, did: 'kept', because: 'it waits for its post hook' };
}

async function reapArray(
  ports: JobPorts,
  request: ReapRequest,
  array: StorageArray,
  openIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const reaped: ReapedFinding[] = [];
  const poolOf = poolReader(array);
  const snapshots = await array.listSnapshots({ namePrefix: OWN_NAME_PREFIX }, signal);
  for (const [name, devices] of devicesByName(snapshots)) {
    const named = { array, name, devices };
    const owner = await ownerOf(ports, name, openIds);
    if (owner === 'lost') reaped.push(...(await reapLost(ports, request, named, poolOf, signal)));
    else if (owner !== 'told') reaped.push(...(await reapJournaled(request, named, owner, openIds, signal)));
  }
  return reaped;
}

interface Named {
  readonly array: StorageArray;
  readonly name: string;
  readonly devices: readonly DeviceId[];
}

/**
 * The run of the name if its journal is here; why nobody may be; `lost` when no journal can tell; `told` when the run was told
 * with everything it holds.
 */
async function ownerOf(
  ports: JobPorts,
  name: string,
  openIds: ReadonlySet<string>,
): Promise<Run | { readonly because: string } | 'lost' | 'told'> {
  const id = parseSnapshotName(name)?.run;
  if (id === undefined) return 'lost';
  const loaded = await readable(() => loadRun(ports, id));
  if (!(loaded instanceof SnaphookError)) {
    // The plan is journaled before anything is established.
    return loaded.run ?? { because: 'its run never came to a plan' };
  }
  if (openIds.has(id)) return 'told';
  return loaded.code === 'E_CONFIG' ? { because: 'its run used an array that is not configured any more' } : 'lost';
}

/** Both proofs: the name is the one the journal planned, and so are array and devices. */
async function reapJournaled(
  request: ReapRequest,
  { array, name, devices }: Named,
  owner: Run | { readonly because: string },
  openIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const foreign = (of: readonly DeviceId[], because: string): readonly ReapedFinding[] =>
    of.length === 0
      ? []
      : [{ finding: { kind: 'foreign-snapshot', array: array.id, name, devices: of }, did: 'kept', because }];
  if ('because' in owner) return foreign(devices, owner.because);
  const { plan, journal } = owner;
  const planned = new Set<string>(
    plan.snapshotName === name && plan.arrayId === array.id ? plan.devices.map(({ device }) => device) : [],
  );
  const mine = devices.filter((device) => planned.has(device));
  const others = foreign(
    devices.filter((device) => !planned.has(device)),
    'the journal of its run plans another name, array or device',
  );
  if (mine.length === 0 || openIds.has(plan.runId)) return others;
  // A run without an outcome began after the open ones were listed: it is at work, not an orphan.
  if (journal.state.outcome === undefined) {
    const finding: Finding = { kind: 'running', runId: plan.runId, job: plan.spec.name };
    return [...others, { finding, did: 'kept', because: 'its run began a moment ago' }];
  }
  const found: ReapedFinding = {
    finding: { kind: 'orphan-snapshot', runId: plan.runId, array: array.id, name, devices: mine },
    did: 'found',
    because: 'the journal of its run, which is closed, plans this name, array and devices',
  };
  return [...others, request.apply ? await attempt(found, () => captureStep.undo(owner, signal)) : found];
}

async function reapLost(
  ports: JobPorts,
  request: ReapRequest,
  { array, name, devices }: Named,
  poolOf: PoolReader,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const reaped: ReapedFinding[] = [];
  const { olderThanMs } = request;
  const judged = await judgeLostSnapshots(ports, array, { name, devices }, { olderThanMs, poolOf }, signal);
  for (const { finding, because, remove } of judged) {
    const found: ReapedFinding = { finding, because, did: remove ? 'found' : 'kept' };
    reaped.push(request.apply && remove ? await attempt(found, () => remove(signal)) : found);
  }
  return reaped;
}

async function reapVmSnapshots(
  ports: JobPorts,
  request: ReapRequest,
  openIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const runOf = async (id: RunId) => {
    if (openIds.has(id)) return 'open';
    const loaded = await readable(() => loadRun(ports, id));
    if (loaded instanceof SnaphookError) return loaded.code === 'E_JOURNAL' ? 'none' : 'open';
    // A run without an outcome began after the open ones were listed.
    return loaded.journal.state.outcome === undefined ? 'open' : (loaded.run ?? 'none');
  };
  const reaped: ReapedFinding[] = [];
  for (const { finding, because, remove } of await judgeLostVmSnapshots(ports, { ...request, runOf }, signal)) {
    const found: ReapedFinding = { finding, because, did: remove ? 'found' : 'kept' };
    reaped.push(request.apply && remove ? await attempt(found, () => remove(signal)) : found);
  }
  return reaped;
}

async function reapDirectory(
  ports: JobPorts,
  request: ReapRequest,
  directory: string,
): Promise<readonly ReapedFinding[]> {
  const journalOf = async (id: RunId) => {
    if ((await ports.journals.openRuns()).some(({ runId }) => runId === id)) return 'open';
    const loaded = await readable(() => loadRun(ports, id));
    return loaded instanceof SnaphookError && loaded.code === 'E_JOURNAL' ? 'none' : 'closed';
  };
  const reaped: ReapedFinding[] = [];
  for (const { finding, because, files } of await judgeLostExports(ports, directory, { ...request, journalOf })) {
    const found: ReapedFinding = { finding, because, did: files ? 'found' : 'kept' };
    reaped.push(request.apply && files ? await attempt(found, () => removeFiles(ports, directory, files)) : found);
  }
  return reaped;
}

async function removeFiles(ports: JobPorts, directory: string, files: readonly HandedOverFile[]): Promise<void> {
  const left = await ports.images.remove(directory, files);
  // A file that is not as the manifest says is not ours any more: told, and no failure.
  for (const { path, why } of left) {
    ports.reporter.warn('a file is not as the manifest says and is left alone', { directory, file: path, why });
  }
}

/** Reads each pool once. */
function poolReader(array: StorageArray): PoolReader {
  const pools = new Map<string, Promise<ReadonlySet<DeviceId>>>();
  return (pool, signal) => {
    const known = pools.get(pool);
    if (known) return known;
    const read = array
      .inventory({ identities: [], pool }, signal)
      .then((inventory) => new Set(inventory.pool.map(({ id }) => id)));
    pools.set(pool, read);
    return read;
  };
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

async function attempt(found: ReapedFinding, work: () => Promise<void>): Promise<ReapedFinding> {
  try {
    await work();
    return { ...found, did: 'removed' };
  } catch (error) {
    return { ...found, did: 'failed', error: toErrorRecord(error).message };
  }
}

function devicesByName(snapshots: readonly SnapshotOfDevice[]): ReadonlyMap<string, readonly DeviceId[]> {
  const groups = new Map<string, Set<DeviceId>>();
  for (const { name, source } of snapshots) groups.set(name, (groups.get(name) ?? new Set()).add(source));
  return new Map([...groups].map(([name, devices]) => [name, [...devices]]));
}
