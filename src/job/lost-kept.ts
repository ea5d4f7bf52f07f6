import type { DeviceId, RunId } from '../ports/identity.ts';
import type { SnapshotOfDevice, StorageArray } from '../ports/storage-array.ts';
import { ambiguity } from './lost-snapshots.ts';
import { type NotOurs, runByMark, whyNotOfItsTime } from './ownership.ts';
import type { JobPorts } from './ports.ts';

/** A kept snapshot whose journal is lost: what the array has of it, with both proofs. */
export interface LostKept {
  readonly run: RunId;
  /** All of one id. */
  readonly snapshots: readonly SnapshotOfDevice[];
}

/**
 * The snapshots of a name that says that they are kept, if they are provably ours: by the mark in the name, and by the time the
 * array tells. Why not, otherwise.
 */
export async function findLostKept(
  { installation }: Pick<JobPorts, 'installation'>,
  array: StorageArray,
  request: { readonly name: string; readonly devices: readonly DeviceId[] },
  signal: AbortSignal,
): Promise<LostKept | NotOurs> {
  const own = runByMark(installation, request.name, [array.id]);
  if (!('run' in own)) return own;
  if (!own.kept) return { because: 'the name does not say that it is kept' };
  const found = await array.findSnapshots(request, signal);
  const reasons = found.map(({ createdAtMs }) => whyNotOfItsTime(installation, own.run, createdAtMs, 'array'));
  const snapshots = found.filter((_, index) => reasons[index] === undefined);
  if (snapshots.length === 0) return { because: reasons[0] ?? 'the array has no such snapshot any more' };
  const doubt = ambiguity(found, snapshots);
  return doubt === undefined ? { run: own.run, snapshots } : { because: doubt };
}
