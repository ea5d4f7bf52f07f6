import { SnaphookError } from '../ports/errors.ts';
import type { Guest } from '../ports/guest.ts';
import type { VmConfiguration } from '../ports/hypervisor.ts';
import type { InstanceUuid, MoRef } from '../ports/identity.ts';
import type { StorageArray } from '../ports/storage-array.ts';
import type { RunJournal } from './journal.ts';
import type { StepName } from './journal-records.ts';
import type { Plan } from './plan.ts';
import type { JobPorts } from './ports.ts';

/** Configurations of VMs, read before the freeze and held until they are written beside the images. */
interface ReadConfigurations {
  readonly byVm: ReadonlyMap<InstanceUuid, VmConfiguration>;
  /** What is missing, or was changed since, in words. */
  readonly warnings: string[];
}

/** A run at work in this process: its plan, its journal, and the guest sessions that only this process has. */
export interface Run {
  readonly plan: Plan;
  readonly ports: JobPorts;
  readonly array: StorageArray;
  readonly journal: RunJournal;
  /** Sessions opened by the `guests` step of this process; empty in `post` and recovery. */
  readonly openGuests: Map<InstanceUuid, Guest>;
  /** When undoing has to be over, on the monotonic clock; undefined where nobody waits for it. */
  readonly endsAtMs?: number | undefined;
  /** ESXi hosts from which this process has taken a copied datastore: they remember that until they are told to forget it. */
  takenFrom?: { readonly hosts: readonly MoRef[]; readonly vmfsUuid: string | undefined };
  /** What was read of the VMs' configurations before the freeze; absent: the job does not ask for them, or another process did. */
  configurations?: ReadConfigurations;
  /** True from the first request to freeze to the last thaw: nothing may be logged. */
  inFreezeWindow?: boolean;
}

/** What a look at the real world found after an answer was missed. */
export type Probe<Result> =
  | { readonly found: 'done'; readonly result: Result }
  | { readonly found: 'not-done' }
  | { readonly found: 'unknown' };

/**
 * One remote effect. `undo` stands next to `do`, works from plan and journal alone (another process may call it, after a crash,
 * with the effect done, not done or half done) and is success when nothing is left to undo.
 */
export interface Step<Result> {
  readonly name: StepName;
  /** May `do` be called again after a failure that is safe to repeat? */
  readonly repeatable: boolean;
  /** Its effect may still come after its request was given up: undo waits for that before it looks. */
  readonly settles: boolean;
  /** Its undoing asks this machine's kernel alone, which may never answer: it is not given all the time that is left. */
  readonly isLocal?: true;
  do(run: Run, signal: AbortSignal): Promise<Result>;
  probe(run: Run, signal: AbortSignal): Promise<Probe<Result>>;
  undo(run: Run, signal: AbortSignal): Promise<void>;
}

const MAX_TRIES = 3;
const PAUSE_BEFORE_RETRY_MS = 500;

/** Journals the intent, does the step, journals the result. An unknown outcome is probed before anything is repeated. */
export async function runStep<Result>(run: Run, step: Step<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  await run.journal.append({ kind: 'intent', data: { step: step.name } });
  for (let attempt = 1; ; attempt += 1) {
    const end = await attemptStep(run, step, attempt, signal);
    if (end.found === 'done') {
      // Outside of the attempt: a journal that cannot be written says nothing about the effect.
      await run.journal.append({ kind: 'done', data: { step: step.name, result: end.result } });
      return end.result;
    }
    await run.journal.append({ kind: 'intent', data: { step: step.name } });
    run.ports.reporter.warn('trying a step again', { step: step.name, attempt });
    await run.ports.clock.sleep(PAUSE_BEFORE_RETRY_MS * attempt, signal);
  }
}

/** Throws what went wrong unless the step is done after all, or may be tried again. */
async function attemptStep<Result>(
  run: Run,
  step: Step<Result>,
  attempt: number,
  signal: AbortSignal,
): Promise<Exclude<Probe<Result>, { readonly found: 'unknown' }>> {
  try {
    return { found: 'done', result: await step.do(run, signal) };
  } catch (error) {
    // The reason of an abort may stand in for what the adapter knew of the effect.
    if (attempt === 1 && isCertain(error) && !signal.aborted) await run.journal.refused(step.name, error);
    const next = await decide(run, step, error, attempt, signal);
    if (next.found === 'unknown') throw error;
    return next;
  }
}

const isCertain = (error: unknown): boolean => error instanceof SnaphookError && error.effect === 'none';

/** `not-done` here means: safe to try again. */
async function decide<Result>(
  run: Run,
  step: Step<Result>,
  error: unknown,
  attempt: number,
  signal: AbortSignal,
): Promise<Probe<Result>> {
  if (!(error instanceof SnaphookError) || signal.aborted) return { found: 'unknown' };
  const mayRetry = step.repeatable && error.retry !== 'never' && attempt < MAX_TRIES;
  if (error.effect === 'none') return mayRetry && error.retry === 'safe' ? { found: 'not-done' } : { found: 'unknown' };
  run.ports.reporter.warn('the answer was missed; looking what happened', { step: step.name, code: error.code });
  const probed = await lookAfter(error, () => step.probe(run, signal));
  return probed.found === 'not-done' && !mayRetry ? { found: 'unknown' } : probed;
}

/** What went wrong first is what the run failed of; that nobody could look is told with it. */
async function lookAfter<Result>(first: SnaphookError, probe: () => Promise<Probe<Result>>): Promise<Probe<Result>> {
  try {
    return await probe();
  } catch (failed) {
    const why = failed instanceof Error ? failed.message : String(failed);
    throw new SnaphookError(first.code, `${first.message}; what it did cannot be told: ${why}`, {
      cause: first,
      effect: 'unknown',
      retry: first.retry,
      ...(first.hint === undefined ? {} : { hint: first.hint }),
    });
  }
}
