import type { ArrayId } from './identity.ts';

/** What an array said when it was asked once for a user snapshot of a vVol device. */
export interface VvolAnswer {
  readonly array: ArrayId;
  /** The answer of one release says nothing about the next. */
  readonly microcode: string;
  readonly takesSnapVx: boolean;
  /** When it was asked, ISO 8601. */
  readonly askedAt: string;
  /** The array's words when it refused. */
  readonly words: string | undefined;
}

/** Remembers those answers on this machine. Errors: `E_JOURNAL`. */
export interface VvolAnswers {
  recall(array: ArrayId, microcode: string): Promise<VvolAnswer | undefined>;
  remember(answer: VvolAnswer): Promise<void>;
}
