import type { GuestStage } from '../job/guest-check.ts';
import { type ErrorRecord, toErrorRecord } from '../ports/errors.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly error?: ErrorRecord;
  /** Of a guest that was looked at. */
  readonly guest?: GuestFindings;
}

/** What was found out about a guest; null where it was not, or where there is no such thing. */
export interface GuestFindings {
  readonly endpoint: string | null;
  readonly username: string | null;
  readonly trustedBy: string | null;
  readonly passed: readonly GuestStage[];
  readonly failedAt: GuestStage | null;
  readonly strategy: string | null;
  /** Program and version, as the helper names itself. */
  readonly helper: string | null;
  /** What a freeze would hold. */
  readonly volumes: readonly string[];
}

export async function check(name: string, work: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, detail: await work() };
  } catch (thrown) {
    return failed(name, thrown);
  }
}

export function failed(name: string, thrown: unknown): Check {
  const error = toErrorRecord(thrown);
  return { name, ok: false, detail: error.message, error };
}
