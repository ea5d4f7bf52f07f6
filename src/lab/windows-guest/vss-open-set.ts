import {
  EXCHANGE_WRITER_ID,
  type HelperCommand,
  type HoldMode,
  MAX_EXCHANGE_HOLD_MS,
} from '../../guest/windows/vss-helper-protocol.ts';
import { HRESULT, VssError } from './vss-codes.ts';
import type { VssCoordinator } from './vss-coordinator.ts';
import type { ResidentSets } from './vss-resident-sets.ts';
import type { SnapshotSet } from './vss-snapshot-set.ts';

/** The set a conversation works on. */
export interface OpenSet {
  readonly name: string;
  readonly set: SnapshotSet;
  readonly mode: HoldMode;
  readonly holdMs: number;
  readonly isFull: boolean;
  /** The resident requestor has it: it outlives this process. */
  readonly isResident: boolean;
  readonly since: Date;
}

interface Machine {
  readonly coordinator: VssCoordinator;
  readonly residents: ResidentSets;
}

/** StartSnapshotSet. */
export function startSet(
  { coordinator, residents }: Machine,
  command: Extract<HelperCommand, { command: 'prepare' }>,
): OpenSet {
  if (!coordinator.knobs.providerRegistered)
    throw new VssError(HRESULT.providerNotRegistered, 'the provider is not registered');
  const { set: name, disks, backupType, mode, holdMs } = command;
  const isFull = backupType === 'full';
  if (isFull) residents.requireRoom(name);
  const since = new Date();
  const set = coordinator.start(disks, backupType, command);
  return { name, set, mode, holdMs, isFull, isResident: false, since };
}

/** Of a set whose writers are known. */
export function requireBearableHold({ set, holdMs }: OpenSet): void {
  if (holdMs > MAX_EXCHANGE_HOLD_MS && set.selectedWriters.includes(EXCHANGE_WRITER_ID))
    throw new VssError(HRESULT.invalidArgument, `Exchange stays frozen for at most ${MAX_EXCHANGE_HOLD_MS} ms`);
}
