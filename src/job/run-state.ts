import type { ErrorRecord } from '../ports/errors.ts';
import type { InstanceUuid } from '../ports/identity.ts';
import type { FoundSnapshot } from './found-snapshot.ts';
import type { JobContext } from './job-spec.ts';
import type { BackupResult, Creation, JournalRecord, Outcome, Parking, StepName } from './journal-records.ts';
import type { Plan } from './plan.ts';
import { type BegunImport, type FilesRestore, lastStepOf, type RestorePlan } from './restoration.ts';
import { phaseAfter, type RunPhase } from './run-phase.ts';

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
  /** As its post hook said the backup ended; absent: it did not say. */
  readonly result?: BackupResult;
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
  /** Full backups whose guests were not told yet how they ended; undefined: there never was one. */
  readonly parking: (Parking & { readonly since: Date }) | undefined;
  /** How the backup ended, as post hooks said; undefined: none came. */
  readonly backup: { readonly result: BackupResult; readonly since: Date } | undefined;
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

export function emptyRunState(): RunState {
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
      park: { at: 'untouched' },
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
      attach: { at: 'untouched' },
      files: { at: 'untouched' },
    },
    sessions: [],
    parking: undefined,
    backup: undefined,
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
export function applyRecord(before: RunState, record: JournalRecord, at: Date): RunState {
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
      return { ...state, members: state.members.map((one) => hasLeft(one, record.data)) };
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
    case 'parking':
      return { ...state, parking: { ...record.data, since: at } };
    case 'unparked':
      return { ...state, parking: state.parking && without(state.parking, record.data.vm) };
    case 'backup-ended':
      return { ...state, backup: saidSoFar(state.backup, record.data.result, at) };
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

const hasLeft = (one: RunMember, { member, result }: { member: string; result?: BackupResult }): RunMember =>
  one.name === member ? { ...one, hasLeft: true, ...(result && { result }) } : one;

/** What was said first counts, unless somebody says later that the backup has failed after all. */
const saidSoFar = (before: RunState['backup'], result: BackupResult, since: Date): RunState['backup'] =>
  before ? { ...before, result: result === 'failure' ? result : before.result } : { result, since };

const without = (parking: NonNullable<RunState['parking']>, vm: InstanceUuid): RunState['parking'] => ({
  ...parking,
  guests: parking.guests.filter((guest) => guest.vm !== vm),
});

/** The session that the plan was made in, and the last look before and after the freeze, is ended by then. */
const isAfterPlanning = (step: StepName): boolean => step === 'link' || step === 'hot-add' || step === 'copy';

const isCapture = (step: StepName): boolean => step === 'capture' || step === 'managed-capture';

/** The run has ended, and its snapshot was not deleted by us since. Whether the array still has it, only the array knows. */
export const isKept = ({ outcome, steps: { capture }, found }: RunState): boolean =>
  outcome === 'kept' && (found ? capture.at !== 'undone' : capture.at === 'done');

/** Everything was done, whether or not that could be written down as the end. */
export const isRestored = ({ restore, steps }: RunState): boolean =>
  restore ? steps[lastStepOf(restore)].at === 'done' : steps.files.at === 'done';
