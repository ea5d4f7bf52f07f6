import type { Clock } from '../ports/clock.ts';
import { type ErrorRecord, SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { ArrayId, DeviceId, InstanceUuid } from '../ports/identity.ts';
import type { Journal, JournalLine } from '../ports/journal.ts';
import type { NewDevices } from '../ports/storage-array.ts';
import type { FoundSnapshot } from './found-snapshot.ts';
import type { JobContext } from './job-spec.ts';
import type { Plan } from './plan.ts';
import type { BegunImport, FilesRestore, RestorePlan } from './restoration.ts';
import type {
  CaptureResult,
  DatastoreResult,
  DevicesResult,
  GuestsResult,
  ManagedCaptureResult,
  RegisterResult,
  SeenTarget,
} from './results.ts';
import { BEGINNINGS, phaseAfter, RECORD_KINDS, type RunPhase } from './run-phase.ts';

const JOURNAL_VERSION = 1;

/**
 * `managed-capture` and `hot-add` stand in place of `capture` to `devices` on the route `managed`; `host`, `datastore` and `register`
 * are of clones of VMFS, `copy` of those that vCenter copies. `restore` is of reverts, which have no other step; `import` and `replace`
 * are of restores, `files` of those of single files. `mount` stands in place of `export` where files are handed over, `expose` where
 * disks are without a copy.
 */
export const STEP_NAMES = [
  'group',
  'guests',
  'capture',
  'managed-capture',
  'link',
  'host',
  'present',
  'hot-add',
  'devices',
  'export',
  'mount',
  'expose',
  'datastore',
  'register',
  'restore',
  'copy',
  'import',
  'replace',
  'files',
] as const;
export type StepName = (typeof STEP_NAMES)[number];

/**
 * `kept`: its snapshot is on the array and stays there. `reverted`: a kept snapshot was written back. `probed`: the array was asked by a snapshot, which was removed again.
 */
export type Outcome =
  | 'handed-over-and-released'
  | 'kept'
  | 'reverted'
  | 'probed'
  | 'restored'
  | 'failed'
  | 'recovered'
  | 'nothing-done';

/** Targets that a run makes. */
export interface Creation {
  readonly array: ArrayId;
  readonly storageGroup: string;
  readonly identifier: string;
  readonly devices: readonly NewDevices[];
}

/** Everything a journal can say, one line each. Public format: changes need a new version. */
export type JournalRecord =
  | { readonly kind: 'opened'; readonly data: { readonly version: number; readonly context: JobContext } }
  /** The run is about to work in vCenter, in the session of that key. It is ended before anything is linked, added or copied, or by `logout`. */
  | { readonly kind: 'login'; readonly data: { readonly key: string } }
  | { readonly kind: 'logout'; readonly data: { readonly key: string } }
  /** Targets are about to be made in the pool: they bear the identifier, and are the pool's, not the run's. */
  | { readonly kind: 'creating'; readonly data: Creation }
  | { readonly kind: 'created'; readonly data: { readonly devices: readonly DeviceId[] } }
  /** Again when a target was taken by somebody else and others were chosen: the latest counts. */
  | { readonly kind: 'planned'; readonly data: Plan }
  /** In place of a plan: a kept snapshot whose journal was lost, as it was found again. */
  | { readonly kind: 'found'; readonly data: FoundSnapshot }
  /** In place of a plan: a VM is about to be made of images. */
  | { readonly kind: 'restoring'; readonly data: RestorePlan }
  /** In place of a plan: files are about to be taken out of images. */
  | { readonly kind: 'restoring-files'; readonly data: FilesRestore }
  /** vCenter waits for its disks. */
  | { readonly kind: 'importing'; readonly data: BegunImport }
  /** vCenter has all disks and is about to be told so: from now on the VM may be complete. */
  | { readonly kind: 'completing'; readonly data: { readonly lease: string } }
  /** vCenter ended an import that was to be completed: it never was. */
  | { readonly kind: 'aborted'; readonly data: { readonly lease: string } }
  | { readonly kind: 'intent'; readonly data: { readonly step: StepName } }
  | {
      readonly kind: 'session';
      readonly data: { readonly vm: InstanceUuid; readonly resume: Readonly<Record<string, string>> };
    }
  | { readonly kind: 'done'; readonly data: { readonly step: StepName; readonly result: unknown } }
  | { readonly kind: 'failed'; readonly data: { readonly step: StepName | undefined; readonly error: ErrorRecord } }
  | { readonly kind: 'refused'; readonly data: { readonly step: StepName; readonly error: ErrorRecord } }
  | { readonly kind: 'undoing'; readonly data: { readonly step: StepName } }
  | { readonly kind: 'undone'; readonly data: { readonly step: StepName } }
  | { readonly kind: 'undo-failed'; readonly data: { readonly step: StepName; readonly error: ErrorRecord } }
  | { readonly kind: 'handed-over'; readonly data: { readonly manifest?: string } }
  /** Another call of the same run of the product reads what was handed over, too; or one has ended. */
  | { readonly kind: 'joined'; readonly data: { readonly member: string } }
  | { readonly kind: 'left'; readonly data: { readonly member: string } }
  /** A kept snapshot has another label from now on. */
  | { readonly kind: 'labelled'; readonly data: { readonly label: string } }
  | { readonly kind: 'closed'; readonly data: { readonly outcome: Outcome } };

/** Where each step stands. `intended`: its effect may or may not have happened. `refused`: it certainly had none as a whole. */
export type StepState =
  | { readonly at: 'untouched' }
  | { readonly at: 'intended' }
  | { readonly at: 'done'; readonly result: unknown }
  | { readonly at: 'refused' }
  | { readonly at: 'undone' };

/** A session that was opened in a guest. */
export interface GuestSession {
  readonly vm: InstanceUuid;
  readonly resume: Readonly<Record<string, string>>;
  readonly since: Date;
}

/** A call of the product that the run was made for. */
export interface RunMember {
  readonly name: string;
  /** Its post hook came. */
  readonly hasLeft: boolean;
}

/** What a journal says about its run. */
export interface RunState {
  readonly phase: RunPhase;
  readonly context: JobContext | undefined;
  readonly plan: Plan | undefined;
  /** Targets that it began to make and did not see yet. */
  readonly creation: Creation | undefined;
  readonly found: FoundSnapshot | undefined;
  readonly restore: RestorePlan | undefined;
  readonly filesRestore: FilesRestore | undefined;
  readonly begunImport: BegunImport | undefined;
  /** vCenter may have been told that the import is complete. */
  readonly completing: boolean;
  readonly openedAt: Date | undefined;
  /** Keys of sessions in vCenter that may still be there. */
  readonly vcenterSessions: readonly string[];
  readonly steps: Readonly<Record<StepName, StepState>>;
  readonly sessions: readonly GuestSession[];
  /** Guests were to be frozen, and no record tells that they all let go. */
  readonly unseenThaw: boolean;
  /** A kept snapshot was written back to all devices of a revert: nothing takes that back. */
  readonly writtenBack: boolean;
  /** When the capture was journaled: a moment after the snapshot was made. */
  readonly capturedAt: Date | undefined;
  /** Given to a kept snapshot after it was made. */
  readonly label: string | undefined;
  readonly handedOverAt: Date | undefined;
  /** Its release has begun: nobody may read the images any more. */
  readonly releasing: boolean;
  readonly manifest: string | undefined;
  /** None where the product makes one call for its run. */
  readonly members: readonly RunMember[];
  readonly outcome: Outcome | undefined;
  readonly closedAt: Date | undefined;
  readonly errors: readonly ErrorRecord[];
}

function emptyRunState(): RunState {
  return {
    phase: 'none',
    context: undefined,
    plan: undefined,
    creation: undefined,
    found: undefined,
    restore: undefined,
    filesRestore: undefined,
    begunImport: undefined,
    completing: false,
    openedAt: undefined,
    vcenterSessions: [],
    steps: {
      group: { at: 'untouched' },
      guests: { at: 'untouched' },
      capture: { at: 'untouched' },
      'managed-capture': { at: 'untouched' },
      link: { at: 'untouched' },
      host: { at: 'untouched' },
      present: { at: 'untouched' },
      'hot-add': { at: 'untouched' },
      devices: { at: 'untouched' },
      export: { at: 'untouched' },
      mount: { at: 'untouched' },
      expose: { at: 'untouched' },
      datastore: { at: 'untouched' },
      register: { at: 'untouched' },
      restore: { at: 'untouched' },
      copy: { at: 'untouched' },
      import: { at: 'untouched' },
      replace: { at: 'untouched' },
      files: { at: 'untouched' },
    },
    sessions: [],
    unseenThaw: false,
    writtenBack: false,
    capturedAt: undefined,
    label: undefined,
    handedOverAt: undefined,
    releasing: false,
    manifest: undefined,
    members: [],
    outcome: undefined,
    closedAt: undefined,
    errors: [],
  };
}

/** A record that has no place in its phase changes the state all the same: a run is cleaned up whatever its journal looks like. */
function applyRecord(before: RunState, record: JournalRecord, at: Date): RunState {
  const state = { ...before, phase: phaseAfter(before.phase, record.kind) ?? before.phase };
  const step = (name: StepName, to: StepState): RunState => ({ ...state, steps: { ...state.steps, [name]: to } });
  switch (record.kind) {
    case 'opened': {
      const { context } = record.data;
      const members = context.member ? [{ name: context.member.name, hasLeft: false }] : [];
      return { ...state, context, members, openedAt: at };
    }
    case 'joined':
      return { ...state, members: [...state.members, { name: record.data.member, hasLeft: false }] };
    case 'left':
      return { ...state, members: state.members.map((one) => hasLeft(one, record.data.member)) };
    case 'login':
      return { ...state, vcenterSessions: [...state.vcenterSessions, record.data.key] };
    case 'logout':
      return { ...state, vcenterSessions: state.vcenterSessions.filter((key) => key !== record.data.key) };
    case 'creating':
      return { ...state, creation: record.data };
    case 'created':
      return { ...state, creation: undefined };
    case 'planned':
      return { ...state, plan: record.data };
    case 'found':
      return { ...state, found: record.data };
    case 'restoring':
      return { ...state, restore: record.data };
    case 'restoring-files':
      return { ...state, filesRestore: record.data };
    case 'importing':
      return { ...state, begunImport: record.data };
    case 'completing':
      return { ...state, completing: true };
    case 'aborted':
      return { ...state, completing: false };
    case 'labelled':
      return { ...state, label: record.data.label };
    case 'session':
      return { ...state, sessions: [...state.sessions, { ...record.data, since: at }] };
    case 'intent': {
      const intended = step(record.data.step, { at: 'intended' });
      const unseenThaw = intended.unseenThaw || isCapture(record.data.step);
      return { ...intended, unseenThaw, ...(isAfterPlanning(record.data.step) ? { vcenterSessions: [] } : {}) };
    }
    case 'done': {
      const done = step(record.data.step, { at: 'done', result: record.data.result });
      if (record.data.step === 'restore') return { ...done, writtenBack: true };
      const ended = isCapture(record.data.step) ? { ...done, unseenThaw: false } : done;
      return isCapture(record.data.step) ? { ...ended, capturedAt: at } : ended;
    }
    case 'undone':
      return step(record.data.step, { at: 'undone' });
    case 'failed':
      // Of a run that kept its snapshot: it was told that its end was not written, and undoes what it did.
      return { ...state, outcome: undefined, errors: [...state.errors, record.data.error] };
    case 'undo-failed':
      return { ...state, errors: [...state.errors, record.data.error] };
    case 'handed-over':
      return { ...state, handedOverAt: at, manifest: record.data.manifest };
    case 'closed':
      return { ...state, outcome: record.data.outcome, releasing: true, closedAt: at };
    case 'refused':
      return { ...step(record.data.step, { at: 'refused' }), errors: [...state.errors, record.data.error] };
    case 'undoing':
      return { ...state, releasing: state.handedOverAt !== undefined };
  }
}

const hasLeft = (member: RunMember, name: string): RunMember =>
  member.name === name ? { ...member, hasLeft: true } : member;

/** The session that the plan was made in, and the last look before and after the freeze, is ended by then. */
const isAfterPlanning = (step: StepName): boolean => step === 'link' || step === 'hot-add' || step === 'copy';

const isCapture = (step: StepName): boolean => step === 'capture' || step === 'managed-capture';

/** Reads a journal's lines back. Fails with `E_JOURNAL` on lines of another format version or an unknown kind. */
export function foldJournal(runId: string, lines: readonly JournalLine[]): RunState {
  return lines.reduce((state, line) => applyRecord(state, parseLine(runId, line), new Date(line.at)), emptyRunState());
}

const KINDS: ReadonlySet<string> = new Set(RECORD_KINDS);

function parseLine(runId: string, line: JournalLine): JournalRecord {
  const refuse = (why: string) =>
    new SnaphookError('E_JOURNAL', `journal of run "${runId}", line ${line.seq}: ${why}`, {
      hint: 'The run was written by another version of snaphook. Use that version to post or reap it.',
    });
  if (!KINDS.has(line.kind) || typeof line.data !== 'object' || line.data === null)
    throw refuse(`unknown record "${line.kind}"`);
  // Kind and data were written together by RunJournal.append of this format version, which the first line states.
  const record = { kind: line.kind, data: line.data } as JournalRecord;
  if (record.kind === 'opened' && record.data.version !== JOURNAL_VERSION)
    throw refuse(`format version ${record.data.version}`);
  return record;
}

/** The journal of a run together with what it says so far. */
export class RunJournal {
  readonly #journal: Journal;
  readonly #clock: Clock;
  #seq: number;
  #state: RunState;
  #lastAppend: Promise<void> = Promise.resolve();

  private constructor(journal: Journal, clock: Clock, lines: readonly JournalLine[]) {
    this.#journal = journal;
    this.#clock = clock;
    this.#seq = lines.at(-1)?.seq ?? 0;
    this.#state = foldJournal(journal.runId, lines);
  }

  static async load(journal: Journal, clock: Clock): Promise<RunJournal> {
    return new RunJournal(journal, clock, await journal.read());
  }

  get state(): RunState {
    return this.#state;
  }

  /** Resolves when the record is on stable storage. Only then may its effect begin. Records are written one after the other. */
  append(record: JournalRecord): Promise<void> {
    const append = this.#lastAppend.then(() => this.#write(record));
    this.#lastAppend = append.catch(() => undefined);
    return append;
  }

  async #write(record: JournalRecord): Promise<void> {
    if (BEGINNINGS.has(record.kind) && phaseAfter(this.#state.phase, record.kind) === undefined)
      throw new TypeError(`a run that is "${this.#state.phase}" never writes "${record.kind}"`);
    const at = this.#clock.now();
    const seq = this.#seq + 1;
    await this.#journal.append({ seq, at: at.toISOString(), kind: record.kind, data: record.data });
    this.#seq = seq;
    this.#state = applyRecord(this.#state, record, at);
  }

  async opened(context: JobContext): Promise<void> {
    await this.append({ kind: 'opened', data: { version: JOURNAL_VERSION, context } });
  }

  async refused(step: StepName, thrown: unknown): Promise<void> {
    await this.append({ kind: 'refused', data: { step, error: toErrorRecord(thrown) } });
  }

  async failed(step: StepName | undefined, thrown: unknown): Promise<void> {
    await this.append({ kind: 'failed', data: { step, error: toErrorRecord(thrown) } });
  }
}

const resultOf = (state: RunState, step: StepName): unknown => {
  const at = state.steps[step];
  return at.at === 'done' ? at.result : undefined;
};

/** The run has ended, and its snapshot was not deleted by us since. Whether the array still has it, only the array knows. */
export const isKept = ({ outcome, steps: { capture }, found }: RunState): boolean =>
  outcome === 'kept' && (found ? capture.at !== 'undone' : capture.at === 'done');

/** Everything was done, whether or not that could be written down as the end. */
export const isRestored = ({ restore, steps }: RunState): boolean =>
  restore ? steps[restore.replaces ? 'replace' : 'import'].at === 'done' : steps.files.at === 'done';

// The results below were journaled by their own step under the same format version.
export const captureResultOf = (state: RunState): CaptureResult | undefined =>
  (resultOf(state, 'capture') as CaptureResult | undefined) ?? managedCaptureResultOf(state);
/** Of the snapshot that the run works with: its own, or the one it borrows. */
export const snapshotResultOf = (state: RunState): CaptureResult | undefined =>
  state.plan?.borrowed?.capture ?? captureResultOf(state);
export const managedCaptureResultOf = (state: RunState): ManagedCaptureResult | undefined =>
  resultOf(state, 'managed-capture') as ManagedCaptureResult | undefined;
export const seenTargetsOf = (state: RunState): readonly SeenTarget[] =>
  (resultOf(state, 'devices') as DevicesResult | undefined)?.devices ?? [];
export const datastoreResultOf = (state: RunState): DatastoreResult | undefined =>
  resultOf(state, 'datastore') as DatastoreResult | undefined;
export const registerResultOf = (state: RunState): RegisterResult | undefined =>
  resultOf(state, 'register') as RegisterResult | undefined;
export const copyResultOf = (state: RunState): RegisterResult | undefined =>
  resultOf(state, 'copy') as RegisterResult | undefined;
export const guestsResultOf = (state: RunState): GuestsResult | undefined =>
  resultOf(state, 'guests') as GuestsResult | undefined;
