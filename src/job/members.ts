import { SnaphookError } from '../ports/errors.ts';
import type { VmSelector } from '../ports/hypervisor.ts';
import type { RunId } from '../ports/identity.ts';
import type { PlannedVm } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { areFellows, fellowshipOf, isSameCaller, type ProductRun } from './product-run.ts';
import type { RunState } from './run-state.ts';

/** Held by each hook of a member for as long as it works, so that its post hook finds its pre hook wherever that waits. */
export const memberLock = (job: string, context: ProductRun, name: string): string =>
  `${fellowsLock(job, context)}${JSON.stringify(name)}`;

const fellowsLock = (job: string, context: ProductRun): string =>
  `member-${JSON.stringify(job)} ${fellowshipOf(context)} `;

/** Handed over, and what was handed over may still be read. */
export const isWaiting = (state: RunState | undefined, now: Date): boolean =>
  state?.handedOverAt !== undefined && !state.releasing && !isReadNoMore(state, now);

/** All members have ended, and no other one can come. Never of a run that has no members. */
export function isReadNoMore(state: RunState, now: Date): boolean {
  const { members, context } = state;
  if (members.length === 0 || members.some(({ hasLeft }) => !hasLeft)) return false;
  const expected = context?.member?.of;
  return expected === undefined || members.length >= expected || !takesMembers(state, now);
}

/** Is this a call that the run was made for, and that has not joined it yet? One that joined before begins anew. */
export const mayJoin = (state: RunState, context: ProductRun, now: Date): boolean =>
  areFellows(state.context, context) &&
  takesMembers(state, now) &&
  !state.members.some(({ name }) => name === context.member?.name);

/** A run of yesterday whose post hooks never came must not be taken for that of today. */
function takesMembers({ plan, handedOverAt, releasing }: RunState, now: Date): boolean {
  if (!plan || handedOverAt === undefined || releasing) return false;
  return now.getTime() - handedOverAt.getTime() <= plan.spec.limits.joinMs;
}

export const readersOf = ({ members }: RunState): readonly string[] =>
  members.flatMap(({ name, hasLeft }) => (hasLeft ? [] : [name]));

/**
 * May calls beside `caller` still read the run? Asked by a call of the same server of the same product, which may be one of theirs that came late or again:
 * it has no right to end what they read.
 */
export const isReadByOthers = (state: RunState, caller: ProductRun): boolean =>
  caller.member !== undefined &&
  state.context !== undefined &&
  isSameCaller(state.context, caller) &&
  readersOf(state).some((name) => name !== caller.member?.name);

/** Is a hook of another call than `caller` at work that may join the run in a moment? */
export async function isAboutToBeJoined(
  ports: JobPorts,
  job: string,
  { context, members }: RunState,
  caller: string,
): Promise<boolean> {
  if (!context) return false;
  const known = new Set([caller, ...members.map(({ name }) => name)].map((name) => memberLock(job, context, name)));
  const held = await ports.locks.list();
  return held.some(
    ({ name, abandoned }) => !abandoned && name.startsWith(fellowsLock(job, context)) && !known.has(name),
  );
}

/** Errors: `E_VM_NOT_FOUND` for a VM of this call that the run does not have, `E_USAGE` for one that no plan can tell. */
export function requireOwnVms(vms: readonly PlannedVm[], wanted: readonly VmSelector[], run: RunId): void {
  for (const selector of wanted) {
    if (vms.some((vm) => isOf(vm, selector))) continue;
    throw new SnaphookError('E_VM_NOT_FOUND', `VM "${textOf(selector)}" of this call is not in run "${run}"`, {
      hint: `Calls of one backup share one snapshot, of the VMs that the job names: ${vms.map(({ name }) => name).join(', ')}. Add the VM to the job.`,
    });
  }
}

function isOf(vm: PlannedVm, selector: VmSelector): boolean {
  switch (selector.by) {
    case 'name':
      return vm.name === selector.name;
    case 'instanceUuid':
      return vm.instanceUuid === selector.uuid;
    case 'moRef':
      return vm.moRef === selector.moRef;
    default:
      throw new SnaphookError('E_USAGE', `the VM of this call is named by ${selector.by}`, {
        hint: 'Name it as vCenter does, or by uuid: or moref:. The job names the VMs that are captured.',
      });
  }
}

const textOf = (selector: VmSelector): string => {
  if (selector.by === 'name') return selector.name;
  return selector.by === 'instanceUuid' ? selector.uuid : selector.by === 'moRef' ? selector.moRef : selector.by;
};

/** Closed runs that are looked through for the one that was waited for. */
const LOOK_BACK_RUNS = 20;

/**
 * The run that this call waited for, if it ended without being handed over since this hook began. Whoever waited for it fails as it
 * did: one after the other they would only fail for the same cause, each after its own time.
 */
export async function failedLeader(
  { journals }: JobPorts,
  context: ProductRun,
  job: string,
  { since, read }: { readonly since: number; readonly read: (id: string) => Promise<RunState | undefined> },
): Promise<SnaphookError | undefined> {
  for (const { runId } of (await journals.closedRuns(LOOK_BACK_RUNS)).filter((run) => run.job === job)) {
    const state = await read(runId);
    const isMet = state && areFellows(state.context, context) && (state.closedAt?.getTime() ?? 0) >= since;
    if (!isMet || state.handedOverAt !== undefined) continue;
    const [first] = state.errors;
    const why = first ? `failed (${first.code}): ${first.message}` : 'ended early';
    return new SnaphookError('E_LEADER', `run "${runId}", which another call of this backup made for all, ${why}`, {
      retry: 'safe',
      ...(first?.hint === undefined ? {} : { hint: first.hint }),
    });
  }
  return undefined;
}
