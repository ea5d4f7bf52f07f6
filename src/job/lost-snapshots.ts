import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId, RunId } from '../ports/identity.ts';
import type { SnapshotOfDevice, StorageArray } from '../ports/storage-array.ts';
import { withinLimit } from './deadline.ts';
import type { Judged } from './finding.ts';
import type { Installation } from './installation.ts';
import { longestMs } from './installation.ts';
import { isYoung, runByMark, whyNotOfItsTime } from './ownership.ts';
import type { JobPorts } from './ports.ts';
import { isSameGroup } from './reused-targets.ts';
import { unlinkTargets } from './steps/link.ts';

/** Members of a pool, by its name. */
export type PoolReader = (pool: string, signal: AbortSignal) => Promise<ReadonlySet<DeviceId>>;

/** Reads each pool once. */
export function poolReader(array: StorageArray): PoolReader {
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

/**
 * Judges the snapshots of one name whose run has no journal here. Ours are those with both proofs: the mark in the name, and the
 * array's own time for them; and every target they are linked to must belong to a pool of this configuration.
 */
export async function judgeLostSnapshots(
  ports: JobPorts,
  array: StorageArray,
  { name, devices }: { readonly name: string; readonly devices: readonly DeviceId[] },
  { olderThanMs, poolOf }: { readonly olderThanMs: number; readonly poolOf: PoolReader },
  signal: AbortSignal,
): Promise<readonly Judged[]> {
  const { installation } = ports;
  const own = runByMark(installation, name, [array.id]);
  if (!('run' in own)) return [foreign(array, name, devices, own.because)];
  // Asked device by device: lists tell neither the time nor, at once, the links.
  const found = await array.findSnapshots({ name, devices }, signal);
  const reasons = new Map<string, SnapshotOfDevice[]>();
  const fitting: SnapshotOfDevice[] = [];
  for (const snapshot of found) {
    const why = whyNotOfItsTime(installation, own.run, snapshot.createdAtMs, 'array');
    if (why === undefined) fitting.push(snapshot);
    else reasons.set(why, [...(reasons.get(why) ?? []), snapshot]);
  }
  const foreigners = [...reasons].map(([why, snapshots]) => foreign(array, name, sourcesOf(snapshots), why));
  if (fitting.length === 0) return foreigners;
  const outside = async () =>
    (await outsideLink(installation, fitting, poolOf, signal)) ??
    (await cloneLink(installation, array, fitting, signal));
  const doubt = ambiguity(found, fitting) ?? (own.kept ? undefined : await outside());
  if (doubt !== undefined) return [...foreigners, foreign(array, name, sourcesOf(fitting), doubt)];
  if (own.kept) return [...foreigners, kept(array, name, own.run, fitting)];
  return [...foreigners, ours(ports, array, { name, run: own.run, snapshots: fitting, olderThanMs, poolOf })];
}

/** No journal says what it is for. Whoever made it wanted it: it ends by its time to live, or when somebody names it. */
function kept(array: StorageArray, name: string, runId: RunId, snapshots: readonly SnapshotOfDevice[]): Judged {
  return {
    finding: { kind: 'kept-snapshot', runId, array: array.id, name, devices: sourcesOf(snapshots) },
    because:
      'no journal here, but the name says that it is kept, its mark is of this installation and the time the array tells is of that run',
    remove: undefined,
  };
}

function ours(
  ports: JobPorts,
  array: StorageArray,
  lost: {
    readonly name: string;
    readonly run: RunId;
    readonly snapshots: readonly SnapshotOfDevice[];
    readonly olderThanMs: number;
    readonly poolOf: PoolReader;
  },
): Judged {
  const { name, run: runId, snapshots, olderThanMs, poolOf } = lost;
  const of = { runId, array: array.id, name, devices: sourcesOf(snapshots) };
  const proof =
    'no journal here, but the mark in the name is of this installation and the time the array tells is of that run';
  if (isYoung(runId, ports.clock.now(), olderThanMs)) {
    const because = `${proof}; its run is so young that it may be at work elsewhere`;
    return { finding: { kind: 'waiting-snapshot', ...of }, because, remove: undefined };
  }
  return {
    finding: { kind: 'orphan-snapshot', ...of },
    because: proof,
    remove: (signal) => removeSnapshots(ports, array, { name, snapshots, poolOf }, signal),
  };
}

/**
 * One run establishes once: snapshots of two ids cannot both be its own, and which one is nobody can tell. Without ids (arrays
 * before 5978.669) a device's newest generation is all that can be named, so there must be no other.
 */
export function ambiguity(
  found: readonly SnapshotOfDevice[],
  fitting: readonly SnapshotOfDevice[],
): string | undefined {
  const ids = new Set(fitting.map(({ snapId }) => snapId));
  if (ids.size > 1) return 'several snapshots of this name are of that time, and a run makes only one';
  const isUnnamable = ids.has(undefined) && new Set(sourcesOf(found)).size < found.length;
  return isUnnamable ? 'a device has several generations of this name, and this array has no ids for them' : undefined;
}

async function outsideLink(
  { jobs, clones }: Installation,
  snapshots: readonly SnapshotOfDevice[],
  poolOf: PoolReader,
  signal: AbortSignal,
): Promise<string | undefined> {
  const targets = targetsOf(snapshots);
  if (targets.length === 0) return undefined;
  const pools = await Promise.all(
    [...new Set([...jobs, ...clones].map(({ targetPool }) => targetPool))].map((pool) => poolOf(pool, signal)),
  );
  const outside = targets.find((target) => !pools.some((members) => members.has(target)));
  return outside && `it is linked to target "${outside}", which is in no pool of this configuration`;
}

/** An ESXi host that is shown a target may have it mounted: taken away now, the host would hang. */
async function cloneLink(
  { clones }: Installation,
  array: StorageArray,
  snapshots: readonly SnapshotOfDevice[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const targets = targetsOf(snapshots);
  if (targets.length === 0 || clones.length === 0) return undefined;
  for (const state of await array.inspect(targets, signal)) {
    const group = state?.storageGroups.find((name) =>
      clones.some(({ presentGroup }) => isSameGroup(presentGroup, name)),
    );
    if (group === undefined) continue;
    return `its target "${state?.id}" is in storage group "${group}", which shows clones to an ESXi host: unregister, unmount and detach it there first`;
  }
  return undefined;
}

async function removeSnapshots(
  ports: JobPorts,
  array: StorageArray,
  lost: { readonly name: string; readonly snapshots: readonly SnapshotOfDevice[]; readonly poolOf: PoolReader },
  parent: AbortSignal,
): Promise<void> {
  const { name, snapshots, poolOf } = lost;
  const undoMs = longestMs(ports.installation, 'undoMs');
  const unlinkMs = longestMs(ports.installation, 'unlinkMs');
  const message = `removing snapshot "${name}" took longer than ${undoMs} ms`;
  await withinLimit(ports.clock, { durationMs: undoMs, code: 'E_LEFTOVERS', message }, parent, async (signal) => {
    const snapId = snapshots[0]?.snapId;
    const devices = sourcesOf(snapshots);
    const pairs = snapshots.flatMap(({ source, linkedTargets }) =>
      linkedTargets.map(({ target }) => ({ source, target })),
    );
    if (pairs.length > 0) {
      await withdrawTargets(ports, array, targetsOf(snapshots), poolOf, signal);
      await unlinkTargets({ clock: ports.clock, array }, { name, snapId, pairs }, unlinkMs, signal);
    }
    await array.terminate({ name, snapId, devices }, signal);
    const left = (await array.findSnapshots({ name, devices }, signal)).filter((one) => one.snapId === snapId);
    if (left.length > 0) {
      throw new SnaphookError('E_LEFTOVERS', `snapshot "${name}" is still on ${left.length} device(s)`);
    }
  });
}

/** Takes targets out of the presented group of their pool: by the configuration they are in it for the length of a run only. */
async function withdrawTargets(
  ports: JobPorts,
  array: StorageArray,
  targets: readonly DeviceId[],
  poolOf: PoolReader,
  signal: AbortSignal,
): Promise<void> {
  const states = (await array.inspect(targets, signal)).filter((state) => state !== undefined);
  await ports.proxy.releaseDevices(
    states.flatMap(({ effectiveWwn }) => effectiveWwn ?? []),
    signal,
  );
  for (const { targetPool, presentGroup } of ports.installation.jobs) {
    if (presentGroup === undefined || isSameGroup(presentGroup, targetPool)) continue;
    const pool = await poolOf(targetPool, signal);
    const presented = states.filter(
      ({ id, storageGroups }) => pool.has(id) && storageGroups.some((group) => isSameGroup(group, presentGroup)),
    );
    const devices = presented.map(({ id }) => id);
    if (devices.length > 0) await array.removeFromStorageGroup({ storageGroup: presentGroup, devices }, signal);
  }
}

function foreign(array: StorageArray, name: string, devices: readonly DeviceId[], because: string): Judged {
  return { finding: { kind: 'foreign-snapshot', array: array.id, name, devices }, because, remove: undefined };
}

const sourcesOf = (snapshots: readonly SnapshotOfDevice[]): readonly DeviceId[] =>
  snapshots.map(({ source }) => source);

const targetsOf = (snapshots: readonly SnapshotOfDevice[]): readonly DeviceId[] => [
  ...new Set(snapshots.flatMap(({ linkedTargets }) => linkedTargets.map(({ target }) => target))),
];
