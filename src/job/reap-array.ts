import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { SnapshotOfDevice, StorageArray } from '../ports/storage-array.ts';
import type { Finding, ReapedFinding } from './finding.ts';
import { judgeJournaledGroup, judgeLostGroup } from './lost-groups.ts';
import { judgeLostSnapshots, type PoolReader, poolReader } from './lost-snapshots.ts';
import { OWN_NAME_PREFIX, parseSnapshotName } from './names.ts';
import { orNotLookedAt } from './not-looked-at.ts';
import { devicesOf } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { ARRAY_IS_GONE, attempt, type ReapRequest, readable, reapJudged } from './reaping.ts';
import { loadRun } from './run-record.ts';
import { isKept, type RunState } from './run-state.ts';
import type { Run } from './step.ts';
import { captureStep } from './steps/capture.ts';

/** The snapshots of ours on an array. */
export async function reapArray(
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
    const work = async () => {
      const owner = await ownerOf(ports, name, openIds);
      if (owner === 'lost') return reapLost(ports, request, named, poolOf, signal);
      return owner === 'told' ? [] : reapJournaled(request, named, owner, openIds, signal);
    };
    reaped.push(...(await orNotLookedAt(`snapshot ${name} on array ${array.id}`, signal, work)));
  }
  return reaped;
}

/** Temporary storage groups. After the snapshots: a group whose snapshot is gone has nothing to hold any more. */
export async function reapGroups(
  ports: JobPorts,
  request: ReapRequest,
  array: StorageArray,
  openIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const groups = await array.listSnapshotGroups({ namePrefix: OWN_NAME_PREFIX }, signal);
  if (groups.length === 0) return [];
  const named = new Set((await array.listSnapshots({ namePrefix: OWN_NAME_PREFIX }, signal)).map(({ name }) => name));
  const reaped: ReapedFinding[] = [];
  for (const group of groups) {
    const owner = await ownerOf(ports, group.snapshot, openIds);
    // A run that is open is told with everything it holds; one whose array is not configured any more, with its journal.
    if (owner === 'told' || (owner !== 'lost' && 'because' in owner)) continue;
    if (owner !== 'lost' && (openIds.has(owner.plan.runId) || isInUse(owner.journal.state))) continue;
    const judged =
      owner === 'lost'
        ? judgeLostGroup(ports, array, group, {
            olderThanMs: request.olderThanMs,
            hasSnapshot: named.has(group.snapshot),
          })
        : judgeJournaledGroup(array, group, owner);
    reaped.push(await reapJudged(request, judged, signal));
  }
  return reaped;
}

/** At work, or its snapshot is kept. */
const isInUse = (state: RunState): boolean => state.outcome === undefined || isKept(state);

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
    if (loaded.journal.state.found) return 'lost';
    // The plan is journaled before anything is established.
    return loaded.run ?? { because: 'its run never came to a plan' };
  }
  if (openIds.has(id)) return 'told';
  return loaded.code === 'E_CONFIG' ? { because: ARRAY_IS_GONE } : 'lost';
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
  const planned = new Set<string>(plan.snapshotName === name && plan.arrayId === array.id ? devicesOf(plan) : []);
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
  const of = { runId: plan.runId, array: array.id, name, devices: mine };
  if (isKept(journal.state)) {
    const because = 'its journal says that it is kept; `snaphook snapshot` lists and deletes it';
    return [...others, { finding: { kind: 'kept-snapshot', ...of }, did: 'kept', because }];
  }
  const found: ReapedFinding = {
    finding: { kind: 'orphan-snapshot', ...of },
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
  for (const one of judged) reaped.push(await reapJudged(request, one, signal));
  return reaped;
}

function devicesByName(snapshots: readonly SnapshotOfDevice[]): ReadonlyMap<string, readonly DeviceId[]> {
  const groups = new Map<string, Set<DeviceId>>();
  for (const { name, source } of snapshots) groups.set(name, (groups.get(name) ?? new Set()).add(source));
  return new Map([...groups].map(([name, devices]) => [name, [...devices]]));
}
