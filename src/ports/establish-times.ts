import type { ArrayId } from './identity.ts';
import type { SnapVxApi } from './storage-array.ts';

/** Who took the point in time: the array, by one of its interfaces, or vCenter by a snapshot of one VM. */
export type PointTaker = SnapVxApi | 'vm-snapshot';

/** How long one point in time took, seen from here: from the request to the answer. */
export interface EstablishTime {
  /** That holds the data. */
  readonly array: ArrayId;
  readonly by: PointTaker;
  /** Of the array; of a VM snapshot the disks of the VM. */
  readonly devices: number;
  readonly tookMs: number;
  /** False: it was given up after that time. */
  readonly answered: boolean;
  /** ISO 8601. */
  readonly at: string;
}

/** Remembers those times on this machine, the last ones of each array and taker. Errors: `E_JOURNAL`. */
export interface EstablishTimes {
  /** Oldest first. */
  recall(of: Pick<EstablishTime, 'array' | 'by'>): Promise<readonly EstablishTime[]>;
  remember(time: EstablishTime): Promise<void>;
}
