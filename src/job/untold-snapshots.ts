import { SnaphookError } from '../ports/errors.ts';
import type { ArrayId, RunId } from '../ports/identity.ts';
import type { SnapshotOfDevice, StorageArray } from '../ports/storage-array.ts';
import type { FoundSnapshot } from './found-snapshot.ts';
import { findLostKept, type LostKept } from './lost-kept.ts';
import { parseSnapshotName, startOfRun } from './names.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';

/** A kept snapshot on an array that no journal tells of. */
export interface UntoldSnapshot {
  readonly runId: RunId;
  readonly found: Omit<FoundSnapshot, 'vms'>;
  readonly snapshots: readonly SnapshotOfDevice[];
}

/** Those among the snapshots of an array that are provably ours and kept. */
export async function untoldSnapshots(
  ports: JobPorts,
  array: StorageArray,
  rows: readonly SnapshotOfDevice[],
  signal: AbortSignal,
): Promise<readonly UntoldSnapshot[]> {
  const untold: UntoldSnapshot[] = [];
  for (const name of new Set(rows.map((row) => row.name))) {
    const parsed = parseSnapshotName(name);
    if (!parsed?.kept || (await isTold(ports, parsed.run))) continue;
    const devices = rows.filter((row) => row.name === name).map(({ source }) => source);
    const lost = await findLostKept(ports, array, { name, devices }, signal);
    if (!('snapshots' in lost)) continue;
    untold.push({ runId: lost.run, found: foundOf(array.id, name, lost), snapshots: lost.snapshots });
  }
  return untold;
}

/** By a journal. One that cannot be read is one too: nothing is guessed from a name then. */
async function isTold(ports: JobPorts, runId: RunId): Promise<boolean> {
  if (!(await hasJournal(ports, runId))) return false;
  const journal = await readJournal(ports, runId).catch(() => undefined);
  return !journal || journal.state.plan !== undefined || journal.state.outcome === 'kept';
}

export async function hasJournal({ journals }: Pick<JobPorts, 'journals'>, runId: RunId): Promise<boolean> {
  return journals.open(runId).then(
    () => true,
    (error: unknown) => {
      if (error instanceof SnaphookError && error.code === 'E_JOURNAL') return false;
      throw error;
    },
  );
}

function foundOf(array: ArrayId, name: string, { run, snapshots }: LostKept): UntoldSnapshot['found'] {
  const [first] = snapshots;
  return {
    array,
    name,
    snapId: first?.snapId,
    devices: snapshots.map(({ source }) => source),
    createdAt: new Date(first?.createdAtMs ?? startOfRun(run)).toISOString(),
  };
}
