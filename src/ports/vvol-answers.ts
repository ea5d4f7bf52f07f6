import type { ArrayId } from './identity.ts';
import type { ArrayFacts, SnapVxApi } from './storage-array.ts';

/** What an array said when it was asked once for a user snapshot of a vVol device. */
export interface VvolAnswer {
  readonly array: ArrayId;
  /** The answer of one release says nothing about the next. */
  readonly microcode: string;
  /** By which interface it was asked: a group may be refused what a device is not. */
  readonly snapVxApi: SnapVxApi;
  readonly takesSnapVx: boolean;
  /** When it was asked, ISO 8601. */
  readonly askedAt: string;
  /** The array's words when it refused. */
  readonly words: string | undefined;
}

/** Remembers those answers on this machine. Errors: `E_JOURNAL`. */
export interface VvolAnswers {
  /** What this array said of this microcode and interface. */
  recall(facts: Pick<ArrayFacts, 'arrayId' | 'microcode' | 'snapVxApi'>): Promise<VvolAnswer | undefined>;
  remember(answer: VvolAnswer): Promise<void>;
}
