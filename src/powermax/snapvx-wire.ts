import type { DeviceId } from '../ports/identity.ts';
import type { DevicePair, SnapshotOfDevice } from '../ports/storage-array.ts';
import type { Reply } from './reply.ts';

/** One snapshot by name and, where the array has them, by snap id. Generations are renumbered; 0 is the newest. */
export interface SnapshotRef {
  readonly name: string;
  readonly snapId: number | undefined;
}

export interface NewSnapshot {
  readonly name: string;
  readonly devices: readonly DeviceId[];
  readonly timeToLiveHours: number;
}

/** One interface of SnapVX: requests as it spells them, and what it tells. What to do with the answers is decided elsewhere. */
export interface SnapVxWire {
  /** One request, which nothing waits in front of. */
  create(snapshot: NewSnapshot, signal: AbortSignal): Promise<Reply>;
  link(ref: SnapshotRef, pairs: readonly DevicePair[], signal: AbortSignal): Promise<Reply>;
  unlink(ref: SnapshotRef, pairs: readonly DevicePair[], symforce: boolean, signal: AbortSignal): Promise<Reply>;
  terminate(ref: SnapshotRef, devices: readonly DeviceId[], signal: AbortSignal): Promise<Reply>;
  /** The snapshots of this name whose sources these devices are, all generations. */
  find(
    request: { readonly name: string; readonly devices: readonly DeviceId[] },
    signal: AbortSignal,
  ): Promise<readonly SnapshotOfDevice[]>;
  /** Every snapshot whose name begins so, with its source. What others made costs no read of its own. */
  namesBySource(
    namePrefix: string,
    signal: AbortSignal,
  ): Promise<readonly { readonly source: DeviceId; readonly name: string }[]>;
  /** For how long `find` may show links as they were before a change. */
  readonly lagMs: number;
  /** The array pairs by the position in two groups: whether as meant must be looked up. */
  readonly pairsByPosition: boolean;
}

export const sourcesOf = (pairs: readonly DevicePair[]): readonly DeviceId[] => pairs.map(({ source }) => source);
export const targetsOf = (pairs: readonly DevicePair[]): readonly DeviceId[] => pairs.map(({ target }) => target);

export const SYNCHRONOUS = { executionOption: 'SYNCHRONOUS' };
