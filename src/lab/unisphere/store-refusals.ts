import { StoreError } from '../devices/store-contract.ts';
import type { LabArray } from './lab-array.ts';
import {
  alreadyTarget,
  copyInProgress,
  desiredState,
  inCopySession,
  malformed,
  noLinkTarget,
  notFound,
  Refusal,
  secured,
  snapshotHasLink,
  snapshotNotFound,
  targetTooSmall,
  targetUndefined,
  tooManySessions,
} from './messages.ts';

/** Runs something on the device store; what the store refuses becomes the refusal Unisphere would give. */
export function guardStore<T>(array: LabArray, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof StoreError ? refusalFor(array, error) : error;
  }
}

function refusalFor(array: LabArray, error: StoreError): Refusal {
  const cylinders = (device: string | undefined): number =>
    (device === undefined ? undefined : array.store.device(device)?.cylinders) ?? 0;
  switch (error.reason) {
    case 'no-such-device':
      return notFound('Volume', error.device ?? error.target ?? '', array.id);
    case 'no-such-snapshot':
      return snapshotNotFound(error.snapshot ?? '', error.device ?? '');
    case 'bad-device-id':
    case 'bad-name':
    case 'bad-time':
    case 'bad-size':
    case 'out-of-range':
    case 'no-devices':
    case 'device-twice':
      return malformed(error.message);
    case 'device-in-session':
      return inCopySession();
    case 'max-snapshots':
    case 'max-targets':
      return tooManySessions();
    case 'snapshot-linked':
      return snapshotHasLink();
    case 'snapshot-secured':
      return secured();
    case 'already-target':
      return alreadyTarget();
    case 'already-linked':
    case 'already-in-mode':
    case 'already-restored':
      return desiredState();
    case 'not-linked':
      // Linked to another generation: the real array finds no such link. Linked to nothing: already as asked for.
      return error.target !== undefined && array.store.linkOf(error.target) ? noLinkTarget() : desiredState();
    case 'target-too-small':
      return targetTooSmall(cylinders(error.target), cylinders(error.device));
    case 'target-undefined':
      return targetUndefined();
    case 'copy-in-progress':
      return copyInProgress();
    case 'device-exists':
    case 'self-link':
    case 'emulation-mismatch':
    case 'not-restored':
      return new Refusal(500, error.message);
    default:
      throw error;
  }
}
