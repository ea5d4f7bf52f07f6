/** VSS_S_ASYNC_FINISHED: the only result that says the snapshot set was made with all writers held. */
const VSS_FINISHED = '0x0004230A';

interface VssResult {
  readonly name: string;
  readonly advice: string;
}

/** What Microsoft's pages call worth another try, later; the name of the class in them is "retryable", "transient" or "busy". */
const TRANSIENT: ReadonlySet<string> = new Set([
  '0x80042302',
  '0x80042306',
  '0x8004230F',
  '0x80042313',
  '0x80042314',
  '0x80042316',
  '0x80042328',
  '0x80042329',
  '0x800423F1',
  '0x800423F2',
  '0x800423F3',
  '0x80042409',
]);

const WAIT = 'Wait ten minutes and try again; VSS asks for up to three tries.';
const RUN_AGAIN = 'Start the job again when the guest is less busy.';

/** Names and next steps for the results of VSS (Microsoft: IVssBackupComponents::DoSnapshotSet, ::GetWriterStatus). */
const RESULTS: ReadonlyMap<string, VssResult> = new Map<string, VssResult>([
  ['0x80042301', { name: 'VSS_E_BAD_STATE', advice: 'Start the job again; report it if it stays.' }],
  ['0x80042302', { name: 'VSS_E_UNEXPECTED', advice: 'Read the Application event log of the guest, source VSS.' }],
  [
    '0x80042304',
    { name: 'VSS_E_PROVIDER_NOT_REGISTERED', advice: 'Install the snaphook VSS helper in the guest again.' },
  ],
  ['0x80042306', { name: 'VSS_E_PROVIDER_VETO', advice: WAIT }],
  ['0x80042308', { name: 'VSS_E_OBJECT_NOT_FOUND', advice: 'Check that the volumes still exist in the guest.' }],
  [
    '0x8004230D',
    { name: 'VSS_E_OBJECT_ALREADY_EXISTS', advice: 'Start the job again: it makes a run of another name.' },
  ],
  ['0x8004230C', { name: 'VSS_E_VOLUME_NOT_SUPPORTED', advice: 'Leave the volume out or do not freeze this guest.' }],
  ['0x8004230E', { name: 'VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER', advice: 'Leave the volume out of the job.' }],
  ['0x8004230F', { name: 'VSS_E_UNEXPECTED_PROVIDER_ERROR', advice: WAIT }],
  [
    '0x80042312',
    {
      name: 'VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED',
      advice: 'VSS freezes at most 64 volumes at a time: capture fewer disks of this guest in one job.',
    },
  ],
  [
    '0x80042313',
    { name: 'VSS_E_FLUSH_WRITES_TIMEOUT', advice: `The guest had too much unwritten data to flush. ${WAIT}` },
  ],
  [
    '0x80042314',
    { name: 'VSS_E_HOLD_WRITES_TIMEOUT', advice: `Writes were held too long; the storage was too slow. ${WAIT}` },
  ],
  [
    '0x80042316',
    { name: 'VSS_E_SNAPSHOT_SET_IN_PROGRESS', advice: 'Another backup uses VSS in this guest; run at another time.' },
  ],
  [
    '0x80042317',
    { name: 'VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED', advice: 'Delete old shadow copies in the guest.' },
  ],
  [
    '0x80042318',
    { name: 'VSS_E_WRITER_INFRASTRUCTURE', advice: 'Restart the services COM+ Event System and VSS in the guest.' },
  ],
  ['0x80042319', { name: 'VSS_E_WRITER_NOT_RESPONDING', advice: "Restart the service of the writer's application." }],
  ['0x8004231B', { name: 'VSS_E_UNSUPPORTED_CONTEXT', advice: 'Update the VSS helper in the guest.' }],
  ['0x8004231F', { name: 'VSS_E_INSUFFICIENT_STORAGE', advice: 'Free space on the volumes of the guest.' }],
  ['0x80042328', { name: 'VSS_E_TRANSACTION_FREEZE_TIMEOUT', advice: RUN_AGAIN }],
  ['0x80042329', { name: 'VSS_E_TRANSACTION_THAW_TIMEOUT', advice: RUN_AGAIN }],
  [
    '0x800423F0',
    {
      name: 'VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT',
      advice: 'The application has files on volumes that are not captured: add their disks to the job.',
    },
  ],
  ['0x800423F1', { name: 'VSS_E_WRITERERROR_OUTOFRESOURCES', advice: WAIT }],
  [
    '0x800423F2',
    { name: 'VSS_E_WRITERERROR_TIMEOUT', advice: `The writer did not finish its freeze in time. ${WAIT}` },
  ],
  ['0x800423F3', { name: 'VSS_E_WRITERERROR_RETRYABLE', advice: WAIT }],
  [
    '0x800423F4',
    {
      name: 'VSS_E_WRITERERROR_NONRETRYABLE',
      advice: "Restart the service of the writer's application, then check it with: vssadmin list writers",
    },
  ],
  [
    '0x80042336',
    { name: 'VSS_E_WRITERERROR_PARTIAL_FAILURE', advice: "Read the application's own log for the failed component." },
  ],
  [
    '0x80042409',
    {
      name: 'VSS_E_WRITER_STATUS_NOT_AVAILABLE',
      advice: `Too many backups of this guest wait for their end. ${RUN_AGAIN}`,
    },
  ],
  [
    '0x800705B4',
    {
      name: 'ERROR_TIMEOUT',
      advice:
        'Applications had gone on before the freeze came: other guests of the job took too long. Start the job again.',
    },
  ],
  [
    '0x800700AA',
    {
      name: 'ERROR_BUSY',
      advice: `Another run, of this product or of another installation of it, has the applications of the guest at rest. ${RUN_AGAIN}`,
    },
  ],
  [
    '0x80070426',
    {
      name: 'ERROR_SERVICE_NOT_ACTIVE',
      advice:
        'The service snaphook-vss was stopped or died, and applications have gone on. Read the System event log of the guest, source Service ' +
        'Control Manager, and start the job again.',
    },
  ],
  ['0x8000FFFF', { name: 'E_UNEXPECTED', advice: 'Read the Application event log of the guest, source VSS.' }],
  [
    '0x80070057',
    {
      name: 'E_INVALIDARG',
      advice: 'With Exchange in the guest, `holdSeconds` may be 18 at most. Update the VSS helper otherwise.',
    },
  ],
  [
    '0x80070005',
    { name: 'E_ACCESSDENIED', advice: 'The account must be in Administrators or Backup Operators of the guest.' },
  ],
]);

const upper = (result: string): string => `0x${result.slice(2).toUpperCase()}`;

/** ERROR_BUSY and ERROR_SERVICE_NOT_ACTIVE of the service that runs scripts and plug-ins. */
const OF_SERVICE: ReadonlySet<string> = new Set(['0x800700AA', '0x80070426']);

/** Is that service there, and only prevented for the moment? */
export const isOfService = (result: string): boolean => OF_SERVICE.has(upper(result));

/** May the same attempt succeed later, without anybody having changed anything? */
export const mayPass = (result: string): boolean => TRANSIENT.has(upper(result)) || isOfService(result);

export const isFinished = (result: string): boolean => upper(result) === VSS_FINISHED;

/** `VSS_E_PROVIDER_VETO (0x80042306)`, or the number alone. */
export function nameOfResult(result: string): string {
  const known = RESULTS.get(upper(result));
  return known ? `${known.name} (${upper(result)})` : upper(result);
}

export function adviceFor(result: string): string {
  return RESULTS.get(upper(result))?.advice ?? 'Read the Application event log of the guest, sources VSS and Volsnap.';
}
