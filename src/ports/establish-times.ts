import type { ArrayId } from './identity.ts';
import type { ArrayFacts, SnapVxApi } from './storage-array.ts';

/** How long one establish took, seen from here: from the request to the array's answer. */
export interface EstablishTime {
  readonly array: ArrayId;
  readonly snapVxApi: SnapVxApi;
  readonly devices: number;
  readonly tookMs: number;
  /** False: it was given up after that time. */
  readonly answered: boolean;
  /** ISO 8601. */
  readonly at: string;
}

/** Remembers those times on this machine, the last ones of each array and interface. Errors: `E_JOURNAL`. */
export interface EstablishTimes {
  /** Oldest first. */
  recall(facts: Pick<ArrayFacts, 'arrayId' | 'snapVxApi'>): Promise<readonly EstablishTime[]>;
  remember(time: EstablishTime): Promise<void>;
}
