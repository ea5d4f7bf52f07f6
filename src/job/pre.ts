import { SnaphookError } from '../ports/errors.ts';
import type { RunId } from '../ports/identity.ts';
import type { ImageFile } from '../ports/images.ts';
import { requireToldEnd } from './backup-end.ts';
import { bytesNeededFor } from './bands.ts';
import { wantedChecks } from './content-checks.ts';
import { checkGrades } from './grade-policy.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { joinedResult } from './joined-result.ts';
import { linkTargets } from './link-targets.ts';
import { requireOwnVms } from './members.ts';
import { mountedDevicesOf } from './mounted-devices.ts';
import { type Join, openRun, type RunAtWork } from './open-run.ts';
import { capturedDisksOf, draftNameOf, isHandedOver, MANIFEST_NAME, type Plan } from './plan.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { JobPorts } from './ports.ts';
import { planAndReserve } from './reserve-plan.ts';
import type { CaptureResult, ExposeResult, MountResult } from './results.ts';
import { type Run, runStep } from './step.ts';
import { captureStep } from './steps/capture.ts';
import { devicesStep } from './steps/devices.ts';
import { exportStep } from './steps/export.ts';
import { exposeStep } from './steps/expose.ts';
import { groupStep, needsGroup } from './steps/group.ts';
import { guestsStep } from './steps/guests.ts';
import { hotAddStep } from './steps/hot-add.ts';
import { managedCaptureStep } from './steps/managed-capture.ts';
import { mountStep } from './steps/mount.ts';
import { parkingOf, parkStep } from './steps/park.ts';
import { presentStep } from './steps/present.ts';
import { undoSteps } from './undo.ts';
import { readConfigurations } from './vm-configurations.ts';
import { imagePathsOf } from './vm-files.ts';
import { whileVmsAreOurs } from './vm-locks.ts';

export interface PreResult {
  readonly runId: RunId;
  readonly plan: Plan;
  readonly capture: CaptureResult;
  /** None where file systems or disks without a copy are handed over. */
  readonly files: readonly ImageFile[];
  /** Undefined where no file systems are handed over. */
  readonly mounts: MountResult | undefined;
  /** Undefined where no disks are handed over without a copy. */
  readonly exposed: ExposeResult | undefined;
  readonly directory: string;
  readonly manifest: string;
  /** A grade below the requested one, accepted by the job's policy. */
  readonly degraded: boolean;
}

/**
 * The pre hook: recover what an earlier run of the job left, plan, preflight, freeze, establish, thaw, grade, link, hand over.
 * When anything fails, everything is undone before the error is thrown; what could not be undone is told as `E_LEFTOVERS`.
 * All of it, undoing included, ends within the job's deadline. Where another call of the same run of the product has made the run, this
 * one joins it and gets what that one got. Where the job borrows a kept snapshot, no guest is asked and nothing is
 * established: that one is linked and handed over, and stays when the run is over.
 */
export async function pre(
  ports: JobPorts,
  spec: JobSpec,
  context: JobContext,
  signal: AbortSignal,
): Promise<PreResult> {
  return captureFor(ports, spec, context, signal, handOver, joinedResult);
}

/** A run that has its snapshot, with a grade that the job accepts. */
export interface Captured {
  readonly run: Run;
  readonly capture: CaptureResult;
  /** A grade below what was asked for, or a VM that had to be left out. */
  readonly degraded: boolean;
  /** What the plan was made from, and the run at work: other targets may have to be chosen. */
  readonly draft: PlanDraft;
  readonly work: RunAtWork;
}

/** What becomes of a captured run: handed over, kept, or made a clone of. */
export type Ending<Result> = (captured: Captured, signal: AbortSignal) => Promise<Result>;

/** A run up to its capture, and then to its end. What fails is undone as `pre` says, the ending included. */
export function captureFor<Result>(
  ports: JobPorts,
  spec: JobSpec,
  context: JobContext,
  signal: AbortSignal,
  ending: Ending<Result>,
  join?: Join<Result>,
): Promise<Result> {
  const forward = async (work: RunAtWork, limited: AbortSignal) => ending(await goForward(work, limited), limited);
  return openRun(ports, spec, context, signal, forward, join);
}

async function goForward(work: RunAtWork, signal: AbortSignal): Promise<Captured> {
  const { ports } = work;
  // Nothing is read in this session after the capture; steps of the route managed have sessions of their own.
  const { run, capture, draft } = await planAndCapture(work, signal).finally(() => ports.hypervisor.close());
  const isIncomplete = run.plan.leftOut !== undefined;
  return { run, capture, degraded: checkGrades(run.plan, capture) || isIncomplete, draft, work };
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
  const exposed = plan.spec.expose ? await runStep(run, exposeStep, signal) : undefined;
  const { files } = mounts || exposed ? { files: [] } : await runStep(run, exportStep, signal);
  signal.throwIfAborted();
  await journal.append({ kind: 'handed-over', data: { manifest: MANIFEST_NAME } });
  const directory = plan.spec.exportDirectory;
  const handedOver = { files, mounts, exposed };
  return { runId: plan.runId, plan, capture, ...handedOver, directory, manifest: MANIFEST_NAME, degraded };
}

/** The run with its plan, journaled: from here on it can be undone. */
export async function planRun(work: RunAtWork, signal: AbortSignal): Promise<Pick<Captured, 'run' | 'draft'>> {
  const { ports, journal, time, current } = work;
  const { plan, draft } = await planAndReserve(work, signal);
  const array = ports.arrays.find(({ id }) => id === plan.arrayId);
  if (!array) throw new TypeError('the plan names an array that is not there');
  const run: Run = { plan, ports, array, journal, openGuests: new Map(), endsAtMs: time.endsAtMs };
  current.run = run;
  requireOwnVms(plan.vms, plan.spec.ownVms ?? [], plan.runId);
  requireToldEnd(plan);
  for (const warning of plan.warnings) ports.reporter.warn(warning);
  return { run, draft };
}

async function planAndCapture(
  work: RunAtWork,
  signal: AbortSignal,
): Promise<Pick<Captured, 'run' | 'capture' | 'draft'>> {
  const { run, draft } = await planRun(work, signal);
  if (isHandedOver(run.plan)) await preflightHandOver(run, signal);
  await readConfigurations(run, signal);
  if (run.plan.borrowed) return { run, capture: run.plan.borrowed.capture, draft };
  if (needsGroup(run)) await runStep(run, groupStep, signal);
  return { run, capture: await captureGuests(run, signal), draft };
}

/** Changes nothing but what a dead run left of its bands: everything of handing over that can fail before a guest is touched fails here. */
async function preflightHandOver(run: Run, signal: AbortSignal): Promise<void> {
  const { plan, ports } = run;
  const bytesNeeded = await bytesNeededFor(ports, plan, signal);
  const need = { paths: imagePathsOf(plan), draft: draftNameOf(plan), bytesNeeded };
  await ports.images.preflight(plan.spec.exportDirectory, need, signal);
  await preflightMounts(run, signal);
  const { expose, exportDirectory } = plan.spec;
  const exposedPaths = plan.devices.map(({ imagePath }) => imagePath);
  if (expose) await ports.exposures.preflight(exportDirectory, expose, exposedPaths, signal);
  // A key that cannot sign is found before guests are touched.
  await ports.signText?.('');
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

async function preflightMounts({ plan, ports }: Run, signal: AbortSignal): Promise<void> {
  const folders = mountedDevicesOf(plan).map(({ folder }) => folder);
  if (folders.length === 0) return;
  await ports.fileSystems.preflight(plan.spec.exportDirectory, folders, signal);
  await ports.fileSystems.preflightChecks(wantedChecks(plan.spec), signal);
}

async function captureGuests(run: Run, signal: AbortSignal): Promise<CaptureResult> {
  const { ports, plan } = run;
  return whileVmsAreOurs(ports, plan.vms, plan.spec.limits.lockWaitMs, signal, async (held) => {
    await runStep(run, guestsStep, held);
    ports.reporter.info('freezing', { guests: run.openGuests.size, disks: capturedDisksOf(plan) });
    const capture = await runStep(run, plan.managed ? managedCaptureStep : captureStep, held);
    ports.reporter.info('captured', { windowMs: Math.round(capture.lengthMs), snapshot: plan.snapshotName });
    const parking = parkingOf(run, capture);
    if (parking) {
      await run.journal.append({ kind: 'parking', data: parking });
      await runStep(run, parkStep, held);
    }
    const errors = await undoSteps(run, { only: ['guests'], signal: held });
    if (errors.length > 0) throw notEnded(errors[0]);
    return capture;
  });
}

/** Whether anything is left in a guest shows when the whole run is undone, which comes next. */
function notEnded(error: unknown): unknown {
  if (!(error instanceof SnaphookError) || error.code !== 'E_LEFTOVERS') return error;
  const { hint, message } = error;
  return new SnaphookError('E_GUEST', `what the run had in a guest was not ended at once: ${message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
