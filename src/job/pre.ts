import { SnaphookError } from '../ports/errors.ts';
import type { RunId } from '../ports/identity.ts';
import type { ImageFile } from '../ports/images.ts';
import type { Lock } from '../ports/journal.ts';
import { withinLimit } from './deadline.ts';
import { checkGrades } from './grade-policy.ts';
import { withHeartbeat } from './heartbeat.ts';
import { whileHeld } from './held-journal.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { type TurnRequest, takeTurn, vmLock } from './job-turn.ts';
import { captureResultOf, RunJournal } from './journal.ts';
import { linkTargets } from './link-targets.ts';
import { newRunId } from './names.ts';
import {
  capturedDisksOf,
  draftNameOf,
  imagePathsOf,
  imagesOf,
  isHandedOver,
  MANIFEST_NAME,
  mountedDevicesOf,
  type Plan,
} from './plan.ts';
import type { PlanDraft } from './planner.ts';
import type { JobPorts } from './ports.ts';
import { planAndReserve, type Reservation } from './reserve-plan.ts';
import type { CaptureResult, MountResult } from './results.ts';
import { closeRun, leftoversError } from './run-record.ts';
import { forwardLimit, runTimeFromNow, undoLimit } from './run-time.ts';
import { type Run, runStep } from './step.ts';
import { captureStep } from './steps/capture.ts';
import { devicesStep } from './steps/devices.ts';
import { exportStep } from './steps/export.ts';
import { groupStep, needsGroup } from './steps/group.ts';
import { closeOpenGuests, guestsStep } from './steps/guests.ts';
import { hotAddStep } from './steps/hot-add.ts';
import { managedCaptureStep } from './steps/managed-capture.ts';
import { mountStep } from './steps/mount.ts';
import { presentStep } from './steps/present.ts';
import { undoSteps } from './undo.ts';

export interface PreResult {
  readonly runId: RunId;
  readonly plan: Plan;
  readonly capture: CaptureResult;
  /** None where file systems are handed over. */
  readonly files: readonly ImageFile[];
  /** Undefined where images are handed over. */
  readonly mounts: MountResult | undefined;
  readonly directory: string;
  readonly manifest: string;
  /** A grade below the requested one, accepted by the job's policy. */
  readonly degraded: boolean;
}

/**
 * The pre hook: recover what an earlier run of the job left, plan, preflight, freeze, establish, thaw, grade, link, hand over.
 * When anything fails, everything is undone before the error is thrown; what could not be undone is told as `E_LEFTOVERS`.
 * All of it, undoing included, ends within the job's deadline.
 */
export async function pre(
  ports: JobPorts,
  spec: JobSpec,
  context: JobContext,
  signal: AbortSignal,
): Promise<PreResult> {
  return captureFor(ports, spec, context, signal, handOver);
}

/** A run after its capture, with a grade that the job accepts. */
export interface Captured {
  readonly run: Run;
  readonly capture: CaptureResult;
  readonly degraded: boolean;
  /** What the plan was made from, and the run at work: other targets may have to be chosen. */
  readonly draft: PlanDraft;
  readonly work: Reservation & { readonly current: CurrentRun };
}

/** What becomes of a captured run: handed over, kept, or made a clone of. */
export type Ending<Result> = (captured: Captured, signal: AbortSignal) => Promise<Result>;

/** A run up to its capture, and then to its end. What fails is undone as `pre` says, the ending included. */
export async function captureFor<Result>(
  ports: JobPorts,
  spec: JobSpec,
  context: JobContext,
  signal: AbortSignal,
  ending: Ending<Result>,
): Promise<Result> {
  const time = runTimeFromNow(ports.clock, spec);
  const current: CurrentRun = {};
  const heartbeat = { everyMs: spec.limits.heartbeatMs, mayTell: () => current.run?.inFreezeWindow !== true };
  return withHeartbeat(ports, heartbeat, async (beating, doing) => {
    // How the run ended is told by the run itself: what it left behind matters more than that its time was over.
    const end = await withinLimit(
      ports.clock,
      forwardLimit(ports.clock, spec, time),
      signal,
      async (limit): Promise<RunEnd<Result>> => {
        try {
          const request = { ports: beating, spec, context, time, doing, signal: limit };
          return { result: await inTurn(request, current, ending) };
        } catch (error) {
          return { error };
        }
      },
    );
    if ('error' in end) throw end.error;
    return end.result;
  });
}

type RunEnd<Result> = { readonly result: Result } | { readonly error: unknown };

/** The run of this hook, once it has a plan; another one once it has other targets. */
interface CurrentRun {
  run?: Run;
}

interface Work extends Omit<TurnRequest, 'signal' | 'doing'> {
  readonly id: RunId;
  readonly journal: RunJournal;
  readonly current: CurrentRun;
}

async function inTurn<Result>(request: TurnRequest, current: CurrentRun, ending: Ending<Result>): Promise<Result> {
  const { lock, signal } = await takeTurn(request);
  try {
    return await openRun({ ...request, signal }, current, lock, ending);
  } finally {
    await lock.release();
  }
}

async function openRun<Result>(
  { ports, spec, context, time, signal }: TurnRequest,
  current: CurrentRun,
  lock: Lock,
  ending: Ending<Result>,
): Promise<Result> {
  const id = newRunId(ports.clock.now(), ports.randomText());
  const file = whileHeld(await ports.journals.create({ runId: id, job: spec.name }), lock);
  const journal = await RunJournal.load(file, ports.clock);
  const work: Work = { ports, spec, context, time, id, journal, current };
  try {
    return await ending(await goForward(work, signal), signal);
  } catch (error) {
    // Whoever took the lock over recovers the run; two that undo it at once would undo each other's work. Only what nobody else
    // has is ended here: sessions that would keep guests quiet and this process alive.
    if (lock.lost.aborted) {
      if (current.run) await closeOpenGuests(current.run);
      throw lock.lost.reason;
    }
    throw await unwind(work, signal.aborted ? signal.reason : error);
  }
}

async function goForward(work: Work, signal: AbortSignal): Promise<Captured> {
  const { ports, journal } = work;
  await journal.opened(work.context);
  // Nothing is read in this session after the capture; steps of the route managed have sessions of their own.
  const { run, capture, draft } = await planAndCapture(work, signal).finally(() => ports.hypervisor.close());
  return { run, capture, degraded: checkGrades(run.plan, capture), draft, work };
}

async function handOver(after: Captured, signal: AbortSignal): Promise<PreResult> {
  const { run: captured, capture, degraded, draft, work } = after;
  const run = captured.plan.managed ? captured : await linkTargets(work, captured, draft, signal);
  const { plan, journal } = run;
  if (plan.managed) await runStep(run, hotAddStep, signal);
  else {
    await runStep(run, presentStep, signal);
    await runStep(run, devicesStep, signal);
  }
  const mounts = plan.spec.files ? await runStep(run, mountStep, signal) : undefined;
  const { files } = mounts ? { files: [] } : await runStep(run, exportStep, signal);
  signal.throwIfAborted();
  await journal.append({ kind: 'handed-over', data: { manifest: MANIFEST_NAME } });
  const directory = plan.spec.exportDirectory;
  return { runId: plan.runId, plan, capture, files, mounts, directory, manifest: MANIFEST_NAME, degraded };
}

async function planAndCapture(work: Work, signal: AbortSignal): Promise<Pick<Captured, 'run' | 'capture' | 'draft'>> {
  const { ports, journal, time, current } = work;
  const { plan, draft } = await planAndReserve(work, signal);
  const array = ports.arrays.find(({ id }) => id === plan.arrayId);
  if (!array) throw new TypeError('the plan names an array that is not there');
  const run: Run = { plan, ports, array, journal, openGuests: new Map(), endsAtMs: time.endsAtMs };
  current.run = run;
  for (const warning of plan.warnings) ports.reporter.warn(warning);
  if (isHandedOver(plan)) await preflightHandOver(run, signal);
  if (needsGroup(run)) await runStep(run, groupStep, signal);
  return { run, capture: await captureGuests(run, signal), draft };
}

/** Read-only: everything of handing over that can fail before a guest is touched fails here. */
async function preflightHandOver(run: Run, signal: AbortSignal): Promise<void> {
  const { plan, ports } = run;
  const bytesNeeded = imagesOf(plan).reduce((sum, { imageBytes }) => sum + imageBytes, 0);
  const need = { paths: imagePathsOf(plan), draft: draftNameOf(plan), bytesNeeded };
  await ports.images.preflight(plan.spec.exportDirectory, need, signal);
  if (plan.spec.files) {
    const folders = mountedDevicesOf(plan).map(({ folder }) => folder);
    await ports.fileSystems.preflight(plan.spec.exportDirectory, folders, signal);
  }
  const unwanted = plan.managed
    ? plan.managed.disks.map(({ diskUuid }) => diskUuid)
    : plan.devices.map(({ wwn }) => wwn);
  const sources = await ports.proxy.visible(unwanted, signal);
  if (sources.length > 0) {
    const what = plan.managed
      ? `disk "${sources[0]}" already, before it is added`
      : `source device "${sources[0]}" itself, not only targets`;
    throw new SnaphookError('E_PROXY_DEVICE', `the proxy sees ${what}`, {
      hint: plan.managed
        ? 'A disk that an earlier run added may still be attached: run `snaphook reap --apply`.'
        : 'A proxy that sees the production device may write to it. Take it out of the masking view of the proxy.',
    });
  }
}

async function captureGuests(run: Run, signal: AbortSignal): Promise<CaptureResult> {
  const { ports, plan } = run;
  const locks: Lock[] = [];
  try {
    for (const vm of [...plan.vms].sort((a, b) => a.instanceUuid.localeCompare(b.instanceUuid))) {
      locks.push(await ports.locks.acquire(vmLock(vm.instanceUuid), plan.spec.limits.lockWaitMs, { signal }));
    }
    const held = AbortSignal.any([signal, ...locks.map(({ lost }) => lost)]);
    await runStep(run, guestsStep, held);
    ports.reporter.info('freezing', { guests: run.openGuests.size, disks: capturedDisksOf(plan) });
    const capture = await runStep(run, plan.managed ? managedCaptureStep : captureStep, held);
    ports.reporter.info('captured', { windowMs: Math.round(capture.lengthMs), snapshot: plan.snapshotName });
    const errors = await undoSteps(run, { only: ['guests'], signal: held });
    if (errors.length > 0) throw errors[0];
    return capture;
  } finally {
    for (const lock of locks.reverse()) await lock.release();
  }
}

/**
 * Undoes the run and returns the error to throw: the cause, or what is left behind. It listens to no signal; only the deadline
 * ends it.
 */
async function unwind({ ports, spec, time, id, journal, current: { run } }: Work, cause: unknown): Promise<unknown> {
  const errors: unknown[] = [];
  try {
    await journal.failed(undefined, cause);
  } catch (error) {
    errors.push(error);
  }
  if (run) {
    const limit = undoLimit(ports.clock, spec, time);
    errors.push(...(await withinLimit(ports.clock, limit, undefined, (signal) => undoSteps(run, { signal }))));
  }
  if (errors.length > 0) return leftoversError(id, errors, cause);
  try {
    await closeRun(ports, journal, id, run && captureResultOf(journal.state) ? 'failed' : 'nothing-done');
  } catch (error) {
    return leftoversError(id, [error], cause);
  }
  return cause;
}
