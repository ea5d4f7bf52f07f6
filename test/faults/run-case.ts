import { EXIT, EXIT_OF_ERROR } from '../../src/cli/exit-codes.ts';
import type { BackupResult } from '../../src/job/journal-records.ts';
import type { PreResult } from '../../src/job/pre.ts';
import type { LabEvent } from '../../src/lab/world/events.ts';
import { type ErrorCode, SnaphookError } from '../../src/ports/errors.ts';
import { hasSpokenApplication, isOfLinux } from './area-jobs.ts';
import type { FaultName } from './fault-kinds.ts';
import type { FaultSite } from './fault-site.ts';
import { prepareFor } from './given.ts';
import { inject } from './injection.ts';
import { nameOfStep, type RunStep } from './run-step.ts';
import { hasDroppedLog, heldAtEstablish, logProblems, quietAtEstablish } from './truth.ts';
import { leftoversOf, lookBefore, type SiteBefore, type Verdict, verdictOn } from './verdict.ts';

/** How a site comes back after a run that left something, or that was killed. */
export const RECOVERIES = ['post', 'pre', 'reap'] as const;
export type Recovery = (typeof RECOVERIES)[number];

export interface FaultCase {
  readonly step: RunStep;
  readonly fault: FaultName;
  readonly recovery: Recovery;
}

/** The documented ends of a run (docs/run-states.md). `not met`: the run never came to the step. */
export type Outcome = 'ready' | 'failed, nothing left' | 'left, and told' | 'killed' | 'not met';

export interface CaseResult extends RunStep, Verdict {
  readonly fault: FaultName;
  readonly recovery: Recovery;
  readonly outcome: Outcome;
  /** Of the hook that met the fault; undefined when it was killed. */
  readonly exitCode: number | undefined;
  readonly code: ErrorCode | undefined;
  /** Did `pre` print a better grade than the lab saw? */
  readonly overGraded: boolean;
  readonly tookMs: number;
}

export const nameOfCase = ({ step, fault, recovery }: FaultCase): string =>
  `${nameOfStep(step)}, ${fault}, then ${recovery}`;

/** Of the second try of a case. */
const PATIENCE = 4;

/**
 * Runs one case on a site that is clean, and leaves it clean or says what is wrong with it. A run fails without having met its fault only
 * where a busy machine did not come to the step within the limits: it is tried once more with longer ones.
 */
export async function runCase(site: FaultSite, fault: FaultCase): Promise<CaseResult> {
  const result = await tryCase(site, fault, 1);
  const isTooSlow = result.outcome === 'not met' && result.code !== undefined && result.problems.length === 0;
  return isTooSlow ? tryCase(site, fault, PATIENCE) : result;
}

async function tryCase(site: FaultSite, fault: FaultCase, patience: number): Promise<CaseResult> {
  const startedMs = performance.now();
  const { step, recovery } = fault;
  const before = lookBefore(site);
  const prepared = await prepareFor(site, step);
  const injection = inject(site, step, fault.fault);
  const hookStartedMs = performance.now();
  const { said } = site.job;
  const seqAtHook = lastSeq(site);
  const end = await endOf(() => (step.hook === 'pre' ? site.pre(patience) : site.post(said).then(() => undefined)));
  const hookMs = performance.now() - hookStartedMs;
  await lateEffects(site, before.seq);
  const atEnd = await endProblems(site, before, step, end);
  const { fired } = injection;
  injection.heal();
  const isReady = end.kind === 'done' && step.hook === 'pre';
  const seqAtRecovery = lastSeq(site);
  const atRecovery = await recover(site, isReady ? 'post' : recovery, isReady ? said : undefined);
  const verdict = await verdictOn(site, before, step, true);
  const events = site.lab.events.since(before.seq);
  const isGood = isOfApplication(prepared ?? (end.kind === 'done' ? end.result : undefined));
  const saidAtSeq =
    said === undefined ? undefined : step.hook === 'post' ? seqAtHook : isReady ? seqAtRecovery : undefined;
  const logs = logProblems(events, { saidAtSeq, isGood });
  // What was heard is kept for whoever comes next, but in a journal that could not be written.
  const mustDrop = said === 'success' && isGood && saidAtSeq !== undefined && step.system !== 'disk';
  const overGraded = end.kind === 'done' && end.result !== undefined && isOverGraded(end.result, events, site);
  return {
    ...step,
    ...verdict,
    fault: fault.fault,
    recovery,
    outcome: fired ? outcomeOf(end) : 'not met',
    exitCode: exitCodeOf(end),
    code: end.kind === 'failed' && end.error instanceof SnaphookError ? end.error.code : undefined,
    overGraded,
    problems: [
      ...atEnd,
      ...atRecovery,
      ...verdict.problems,
      ...(hookMs > site.deadlineMs * patience + OVERTIME_MS ? [`the hook took ${Math.round(hookMs)} ms`] : []),
      ...logs,
      ...(mustDrop && !hasDroppedLog(events) ? ['no log was dropped, though the backup succeeded'] : []),
      ...(overGraded ? ['the grade is better than the truth'] : []),
    ],
    tookMs: performance.now() - startedMs,
  };
}

export const lastSeq = ({ lab }: FaultSite): number => lab.events.events.at(-1)?.seq ?? 0;

export const isOfApplication = (handedOver: PreResult | undefined): boolean =>
  handedOver?.capture.vms.every(({ grade }) => grade === 'application') ?? false;

/** Beyond the deadline, on a busy machine. */
const OVERTIME_MS = 5000;

type End =
  | { readonly kind: 'done'; readonly result: PreResult | undefined }
  | { readonly kind: 'failed'; readonly error: unknown };

async function endOf(hook: () => Promise<PreResult | undefined>): Promise<End> {
  try {
    return { kind: 'done', result: await hook() };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

function outcomeOf(end: End): Outcome {
  if (end.kind === 'done') return 'ready';
  return isLeftovers(end.error) ? 'left, and told' : 'failed, nothing left';
}

function exitCodeOf(end: End): number {
  if (end.kind === 'done') return end.result?.degraded ? EXIT.degraded : EXIT.ok;
  return end.error instanceof SnaphookError ? EXIT_OF_ERROR[end.error.code] : EXIT.failed;
}

const isLeftovers = (error: unknown): boolean => error instanceof SnaphookError && error.code === 'E_LEFTOVERS';

/** What is wrong with the end of the hook itself, while the fault still lasts. */
async function endProblems(site: FaultSite, before: SiteBefore, step: RunStep, end: End): Promise<readonly string[]> {
  const open = await site.openRuns();
  if (end.kind === 'done') {
    const expected = step.hook === 'pre' ? 1 : 0;
    return open.length === expected ? [] : [`${open.length} open run(s) after success`];
  }
  const { error } = end;
  if (!(error instanceof SnaphookError)) return [`not a coded error: ${String(error)}`];
  if (error.code === 'E_INTERNAL') return [`a defect is told as such: ${error.message}`];
  if (!isLeftovers(error)) {
    const left = await leftoversOf(site, before, step, true);
    return [
      ...(left.length > 0 ? [`failed with ${error.code} and left: ${left.join(', ')}`] : []),
      ...(open.length > 0 ? [`failed with ${error.code} and left the run open`] : []),
    ];
  }
  const [run] = open;
  if (!run) return [`something was left and no run is open: ${error.message}`];
  const untold = run.undoErrors.filter((message) => !error.message.includes(message));
  return [
    ...(error.hint === undefined ? ['leftovers without a hint'] : []),
    // A full disk takes no error either; then the hook's own output is all there is.
    ...(step.system !== 'disk' && run.errors.length === 0 ? ['status shows no error of the open run'] : []),
    ...untold.map((message) => `an error of undo is not told: ${message}`),
  ];
}

/** Ends what is open, the way somebody comes back after the fault is gone. */
export async function recover(site: FaultSite, recovery: Recovery, said?: BackupResult): Promise<readonly string[]> {
  const isOpen = (await site.openRuns()).length > 0;
  // A process that died before it had a run leaves a lock, and maybe a journal that was not born: whoever comes next removes them.
  if (!isOpen && !site.leftBehind().some((left) => left.startsWith('state/'))) return [];
  const ways: Readonly<Record<Recovery, () => Promise<void>>> = {
    post: () => site.post(said),
    pre: async () => {
      await site.calmPre();
      await site.post();
    },
    reap: () => site.reap(),
  };
  try {
    await site.calmly(ways[recovery]);
    return [];
  } catch (error) {
    if (!isOpen && error instanceof SnaphookError && error.code === 'E_NO_RUN') return [];
    return [`${recovery} failed after the fault was gone: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function isOverGraded({ capture }: PreResult, events: readonly LabEvent[], { lab, job }: FaultSite): boolean {
  const isLinux = isOfLinux(job);
  const claims = (...grades: readonly string[]) => capture.vms.some(({ grade }) => grades.includes(grade));
  const thingsHeld = isLinux ? lab.estate.linuxDisks.filter(({ mount }) => mount !== undefined).length : 1;
  if (claims('application', 'filesystem') && heldAtEstablish(events) < thingsHeld) return true;
  return hasSpokenApplication(job) && claims('application') && !quietAtEstablish(events);
}

/** An effect that comes after the client gave up must be there before anything is judged. */
async function lateEffects({ lab }: FaultSite, seq: number): Promise<void> {
  const isAnswered = (fault: LabEvent) =>
    lab.events.since(fault.seq).some(({ kind, operation }) => kind === 'answer' && operation === fault.operation);
  const late = lab.events.since(seq).filter(({ kind, detail }) => kind === 'fault' && detail.action === 'late');
  while (!late.every(isAnswered)) await lab.pause(10);
}
