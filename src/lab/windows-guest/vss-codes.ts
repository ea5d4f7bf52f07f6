/** HRESULTs as the helper reports them (vss.h, vsserror.h). */
export const HRESULT = {
  ok: '0x00000000',
  asyncFinished: '0x0004230A',
  unexpected: '0x8000FFFF',
  failed: '0x80004005',
  accessDenied: '0x80070005',
  invalidArgument: '0x80070057',
  noSuchService: '0x80070424',
  busy: '0x800700AA',
  serviceEnded: '0x80070426',
  timeout: '0x800705B4',
  badState: '0x80042301',
  providerNotRegistered: '0x80042304',
  providerVeto: '0x80042306',
  objectNotFound: '0x80042308',
  objectAlreadyExists: '0x8004230D',
  tooManyVolumes: '0x80042312',
  holdWritesTimeout: '0x80042314',
  snapshotSetInProgress: '0x80042316',
  writerTimeout: '0x800423F2',
  writerRetryable: '0x800423F3',
  writerNonRetryable: '0x800423F4',
  writerStatusNotAvailable: '0x80042409',
} as const;

/** VSS_WRITER_STATE. */
export const WRITER_STATE = {
  stable: 1,
  waitingForFreeze: 2,
  waitingForThaw: 3,
  waitingForPostSnapshot: 4,
  waitingForBackupComplete: 5,
  failedAtIdentify: 6,
  failedAtPrepareBackup: 7,
  failedAtPrepareSnapshot: 8,
  failedAtFreeze: 9,
  failedAtThaw: 10,
  failedAtPostSnapshot: 11,
  failedAtBackupComplete: 12,
} as const;

/** What the coordinator asks of writers, in this order. */
export type WriterPhase =
  | 'identify'
  | 'prepare-backup'
  | 'prepare-snapshot'
  | 'freeze'
  | 'thaw'
  | 'post-snapshot'
  | 'backup-complete';

/** The state a writer is in after an event it took, and after one it failed. */
export const STATE_AFTER: Readonly<Record<WriterPhase, { readonly ok: number; readonly failed: number }>> = {
  identify: { ok: WRITER_STATE.stable, failed: WRITER_STATE.failedAtIdentify },
  'prepare-backup': { ok: WRITER_STATE.stable, failed: WRITER_STATE.failedAtPrepareBackup },
  'prepare-snapshot': { ok: WRITER_STATE.waitingForFreeze, failed: WRITER_STATE.failedAtPrepareSnapshot },
  freeze: { ok: WRITER_STATE.waitingForThaw, failed: WRITER_STATE.failedAtFreeze },
  thaw: { ok: WRITER_STATE.waitingForPostSnapshot, failed: WRITER_STATE.failedAtThaw },
  'post-snapshot': { ok: WRITER_STATE.waitingForBackupComplete, failed: WRITER_STATE.failedAtPostSnapshot },
  'backup-complete': { ok: WRITER_STATE.stable, failed: WRITER_STATE.failedAtBackupComplete },
};

export class VssError extends Error {
  readonly result: string;

  constructor(result: string, message: string) {
    super(message);
    this.name = 'VssError';
    this.result = result;
  }
}
