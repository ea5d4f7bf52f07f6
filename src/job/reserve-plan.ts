import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId, RunId } from '../ports/identity.ts';
import { countOf, createTargets, lookUntilThere, targetsToCreate } from './create-targets.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import type { RunJournal } from './journal.ts';
import { draftOfKept } from './kept-draft.ts';
import { unseenCreations } from './last-run.ts';
import { snapshotName } from './names.ts';
import { openPlansOf } from './open-plans.ts';
import { isHandedOver, type Plan } from './plan.ts';
import { draftPlan, type PlanDraft } from './plan-draft.ts';
import { choiceOf, completePlan, isNoTarget, type Reserved, whenTargetsAreFree } from './planner.ts';
import type { JobPorts } from './ports.ts';

export interface Reservation {
  readonly ports: JobPorts;
  readonly spec: JobSpec;
  readonly context: JobContext;
  readonly id: RunId;
  readonly journal: RunJournal;
}

export interface ReservedPlan {
  readonly plan: Plan;
  /** What it was made from: others may have to be chosen. */
  readonly draft: PlanDraft;
}

/** Choosing and journaling targets takes milliseconds; waiting longer means that something is wrong. */
const PLAN_LOCK_WAIT_MS = 60_000;
/** Targets that were made are the pool's: another run may be faster to take them. */
const MAX_CREATIONS = 3;

/**
 * Plans, and makes targets where the pool lacks them and the job allows it. Choosing targets and journaling the choice happen under
 * one lock: two runs of this machine never plan the same target or directory.
 */
export async function planAndReserve(work: Reservation, signal: AbortSignal): Promise<ReservedPlan> {
  const { ports, spec, journal } = work;
  for (const port of vcenterPorts(work)) {
    const key = await port.sessionKey(signal);
    if (key !== undefined) await journal.append({ kind: 'login', data: { key } });
  }
  let draft = await (spec.borrow ? draftOfKept(ports, spec, spec.borrow, signal) : draftPlan(ports, spec, signal));
  const reserveLatest = (latest: PlanDraft) => reserve(work, latest, new Set(), signal);
  for (let creations = 0; ; creations += 1) {
    try {
      // A device that was made a moment ago may be shown before its masking is.
      const passing = creations === 0 ? undefined : (['E_TARGET_NONE', 'E_TARGET_UNFIT'] as const);
      return { plan: await whenTargetsAreFree(ports, draft, spec, reserveLatest, signal, passing), draft };
    } catch (error) {
      if (!isNoTarget(error) || spec.createTargets === undefined || creations === MAX_CREATIONS) throw error;
      draft = { ...draft, pool: await latestPool(work, draft, signal) };
      const reserved = reservedBy(await openPlansOf(ports, work.id));
      const devices = targetsToCreate(choiceOf(draft, spec, reserved), error);
      if (countOf(devices) > 0) draft = { ...draft, pool: await create(work, draft, devices, signal) };
    }
  }
}

/** Those that planning asks: a kept snapshot that is handed over needs no vCenter. */
function vcenterPorts({ ports, spec }: Reservation) {
  if (spec.clone) return [ports.hypervisor, ports.hostStorage];
  return spec.borrow ? [] : [ports.hypervisor];
}

/** Another choice for the same devices, after somebody else took targets of the first one. */
export async function reserveOtherTargets(
  work: Reservation,
  draft: PlanDraft,
  taken: ReadonlySet<DeviceId>,
  signal: AbortSignal,
): Promise<Plan> {
  const { pool } = await draft.array.inventory({ identities: [], pool: work.spec.targetPool }, signal);
  return reserve(work, { ...draft, pool }, taken, signal);
}

async function reserve(
  work: Reservation,
  draft: PlanDraft,
  taken: ReadonlySet<DeviceId>,
  signal: AbortSignal,
): Promise<Plan> {
  const { ports, spec, context, id, journal } = work;
  return whilePlanning(ports, signal, async () => {
    const open = await openPlansOf(ports, id);
    requireNoRevert(open, draft);
    const others = reservedBy(open);
    const reserved = { ...others, targets: new Set([...others.targets, ...taken]) };
    const plan = completePlan(draft, { runId: id, spec, context }, reserved);
    await journal.append({ kind: 'planned', data: plan });
    return plan;
  });
}

/** Looks what other runs of this machine have planned, and journals a plan, while none of them does. */
export async function whilePlanning<Result>(
  { locks }: Pick<JobPorts, 'locks'>,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const lock = await locks.acquire('plan', PLAN_LOCK_WAIT_MS, { signal });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** Until a revert is at its end its devices may be of two times, whatever the array shows of them. Errors: `E_RUN_OPEN`. */
function requireNoRevert(open: readonly Plan[], { sources }: PlanDraft): void {
  const own = new Set(sources.map(({ device }) => device.id));
  for (const { runId, revert } of open) {
    const shared = revert?.devices.find(({ device }) => own.has(device));
    if (shared === undefined) continue;
    throw new SnaphookError('E_RUN_OPEN', `revert "${runId}" is open and sets device "${shared.device}" back`, {
      hint: 'Let it end; if its process died, `snaphook reap --apply` brings it to its end.',
      retry: 'safe',
    });
  }
}

/** With what earlier runs may have left to be shown: or each of several runs that were called off would make targets of its own. */
async function latestPool(
  { ports, spec }: Reservation,
  { array }: PlanDraft,
  signal: AbortSignal,
): Promise<PlanDraft['pool']> {
  const storageGroup = spec.targetPool;
  const { settleMs } = spec.limits;
  for (const { identifier, devices } of await unseenCreations(ports, { array: array.id, storageGroup })) {
    await lookUntilThere(ports, { array, storageGroup, identifier, devices, pool: [], settleMs }, signal);
  }
  return (await array.inventory({ identities: [], pool: storageGroup }, signal)).pool;
}

function create(
  { ports, spec, id, journal }: Reservation,
  { array, pool, installation }: PlanDraft,
  devices: ReturnType<typeof targetsToCreate>,
  signal: AbortSignal,
): Promise<PlanDraft['pool']> {
  const identifier = snapshotName(id, installation.markOf(id, array.id));
  const { settleMs } = spec.limits;
  const request = { array, storageGroup: spec.targetPool, identifier, devices, pool, settleMs };
  return createTargets(ports, journal, request, signal);
}

function reservedBy(open: readonly Plan[]): Reserved {
  const targets = new Set<string>();
  const directories = new Map<string, string>();
  const disks = new Map<string, string>();
  for (const plan of open) {
    for (const { target } of plan.devices) targets.add(target);
    for (const { diskUuid } of plan.managed?.disks ?? []) disks.set(diskUuid, plan.runId);
    if (isHandedOver(plan)) directories.set(plan.spec.exportDirectory, plan.runId);
  }
  return { targets, directories, disks };
}
