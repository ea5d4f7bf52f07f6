/** May the same call simply be sent again? `after-probe`: only once a read-back told what the first try did. */
export type RetryClass = 'safe' | 'after-probe' | 'never';

/**
 * Every code a user can meet. Codes are stable: scripts and monitoring match on them.
 * The exit code of each stands in one table, `src/cli/exit-codes.ts`; the meaning of each in `docs/errors.md`.
 */
export const ERROR_CODES = [
  'E_USAGE',
  'E_CONFIG',
  'E_SECRET',
  'E_LOCKED',
  'E_RUN_OPEN',
  'E_LEADER',
  'E_NO_RUN',
  'E_JOURNAL',
  'E_DEADLINE',
  'E_INTERRUPTED',
  'E_TLS_UNTRUSTED',
  'E_VCENTER_LOGIN',
  'E_VCENTER_RIGHTS',
  'E_VCENTER_UNREACHABLE',
  'E_VCENTER',
  'E_VM_NOT_FOUND',
  'E_VM_AMBIGUOUS',
  'E_VM_BUSY',
  'E_VM_CHANGED',
  'E_SNAPSHOT_NOT_FOUND',
  'E_SNAPSHOT_LINKED',
  'E_DISK_UNSUPPORTED',
  'E_COLLATERAL',
  'E_CLONE',
  'E_CLONE_IN_USE',
  'E_DATASTORE_COPY',
  'E_REVERT',
  'E_REVERT_IN_USE',
  'E_REVERT_IN_DOUBT',
  'E_DEVICE_NOT_FOUND',
  'E_DEVICE_AMBIGUOUS',
  'E_DEVICE_UNFIT',
  'E_ARRAY_LOGIN',
  'E_ARRAY_RIGHTS',
  'E_ARRAY_UNREACHABLE',
  'E_ARRAY_BUSY',
  'E_ARRAY_VERSION',
  'E_ARRAY_REFUSED',
  'E_ARRAY_VVOL',
  'E_ARRAY_LIMIT',
  'E_ARRAY_NOT_LOCAL',
  'E_ARRAY',
  'E_TARGET_NONE',
  'E_TARGET_UNFIT',
  'E_TARGET_TAKEN',
  'E_GUEST_LOGIN',
  'E_GUEST_UNREACHABLE',
  'E_GUEST_QUOTA',
  'E_GUEST_HELPER',
  'E_GUEST',
  'E_WRITER_FAILED',
  'E_FREEZE_FAILED',
  'E_FREEZE_WINDOW',
  'E_THAW_UNCONFIRMED',
  'E_GRADE',
  'E_SNAPSHOT_GAP',
  'E_PROXY_DEVICE',
  'E_PROXY_SPACE',
  'E_PROXY',
  'E_EXPORT',
  'E_UNREADABLE',
  'E_VERIFY',
  'E_RESTORE',
  'E_LEFTOVERS',
  'E_INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorDetails {
  /** The next command or setting to try; complete sentence for a person at 3 a.m. */
  readonly hint?: string;
  readonly retry?: RetryClass;
  readonly cause?: unknown;
  /** For an effect whose answer never came: it may have happened. Unknown leads to probe. */
  readonly effect?: 'none' | 'unknown';
}

/**
 * The only error users see. The message starts in lower case, names the object in quotes and carries no secret.
 * Anything else that is thrown is a programming error and is reported as `E_INTERNAL`.
 */
export class SnaphookError extends Error {
  override readonly name = 'SnaphookError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retry: RetryClass;
  readonly effect: 'none' | 'unknown';

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.retry = details.retry ?? 'never';
    this.effect = details.effect ?? 'none';
  }
}

/** The form in which errors are journaled, printed and put into manifests: no stack, no raw cause. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** Narrows anything thrown to a record; programming errors keep only their message. */
export function toErrorRecord(thrown: unknown): ErrorRecord {
  if (thrown instanceof SnaphookError) {
    return { code: thrown.code, message: thrown.message, ...(thrown.hint === undefined ? {} : { hint: thrown.hint }) };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'E_INTERNAL', message, hint: 'This is a defect in snaphook. Please report it with the run journal.' };
}
