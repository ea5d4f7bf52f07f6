import { countOf } from '../../src/job/create-targets.ts';
import type { Creation } from '../../src/job/journal-records.ts';
import type { Plan } from '../../src/job/plan.ts';
import type { PreResult } from '../../src/job/pre.ts';
import { phaseAfter, type RunPhase } from '../../src/job/run-phase.ts';
import { undoReserveMs } from '../../src/job/run-time.ts';
import type { DeviceId } from '../../src/ports/identity.ts';
import { type HookRun, isDocumented, outcomeOf } from './hooks.ts';
import { marginOf, trueGrade } from './oracle.ts';
import type { Site } from './site.ts';

export type BrokenPromise =
  | 'frozen'
  | 'leftover'
  | 'foreign'
  | 'overGraded'
  | 'content'
  | 'establish'
  | 'target'
  | 'undocumented'
  | 'hang'
  | 'phase'
  | 'deadline'
  | 'thaw';

/** One broken promise. */
export interface Violation {
  readonly promise: BrokenPromise;
  readonly what: string;
}

const LEASE_TOLERANCE_MS = 1000;

/** How far the longest hold that had guards went beyond the lease; zero or less is well. */
export function worstOverrunMs({ guests, timeline }: Site): number {
  const overruns = guests.flatMap(({ standstills, leaseMs }) =>
    standstills
      .filter(({ isUnguarded }) => !isUnguarded)
      .map(({ fromMs, untilMs }) => (untilMs ?? timeline.nowMs) - fromMs - leaseMs),
  );
  return Math.max(0, ...overruns);
}

/** Without its journals nobody asks a guest for the record of a session whose guards are all dead: the next freeze ends it. */
export function frozenGuests(site: Site, stateWasLost: boolean): readonly Violation[] {
  const isExcused = ({ standstills }: Site['guests'][number]) =>
    stateWasLost && standstills.some(({ isUnguarded, untilMs }) => isUnguarded && untilMs === undefined);
  const frozen = site.guests.filter((guest) => guest.isFrozen && !isExcused(guest)).map(({ name }) => name);
  const overrunMs = worstOverrunMs(site);
  return [
    ...frozen.map((name): Violation => ({ promise: 'frozen', what: `guest ${name} is frozen at the end` })),
    ...(overrunMs > LEASE_TOLERANCE_MS
      ? [{ promise: 'frozen' as const, what: `a guest was held ${overrunMs} ms longer than its lease` }]
      : []),
  ];
}

/** What is ours and still there. */
export function leftovers({ array, guests, files, state }: Site): readonly string[] {
  const snapshots = array.snapshots
    .filter(({ owner }) => owner === 'ours')
    .map(({ name, source, links }) => `snapshot ${name} of ${source}${links.length > 0 ? ', linked' : ''}`);
  const members = [...array.groups].flatMap(([group, devices]) =>
    [...devices].filter(([, owner]) => owner === 'ours').map(([id]) => `device ${id} in group ${group}`),
  );
  const sessions = guests.flatMap(({ name, sessions: open }) =>
    [...open.keys()].map((id) => `session ${id} in ${name}`),
  );
  const copies = guests.flatMap((guest) =>
    guest.strategy === 'vss-diskshadow' ? guest.leftSets.map((id) => `shadow copies ${id} in ${guest.name}`) : [],
  );
  const images = [...files.files].filter(([, { owner }]) => owner === 'ours').map(([path]) => `file ${path}`);
  const runs = state.runs('open').map(({ runId }) => `open run ${runId}`);
  const unborn = state.abandonedUnborn.map((name) => `unborn journal ${name}`);
  return [...snapshots, ...members, ...sessions, ...copies, ...images, ...runs, ...unborn];
}

export function foreignTouched(site: Site, before: string, after: string): readonly Violation[] {
  const inGuests = site.guests.flatMap((guest) => (guest.strategy === 'vss-diskshadow' ? guest.trespasses : []));
  const trespasses = [...site.array.trespasses, ...site.files.trespasses, ...inGuests];
  const changed = before === after ? [] : [`foreign objects changed:\n${before}\nbecame\n${after}`];
  return [...trespasses, ...changed].map((what) => ({ promise: 'foreign', what }));
}

/** At most one establish a run, whatever became of it. */
export function repeatedEstablishes({ array }: Site): readonly Violation[] {
  const counts = new Map<string, number>();
  for (const { name, owner } of array.establishments)
    if (owner === 'ours') counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([name, count]) => ({ promise: 'establish', what: `${count} establishes of ${name}` }));
}

/** No run made more targets than its journal says, whatever became of its requests. */
export function targetsMadeTwice({ array, state }: Site): readonly Violation[] {
  const asked = new Map<string, number>();
  for (const runId of state.journals.keys()) {
    for (const { kind, data } of state.linesOf(runId)) {
      if (kind !== 'creating') continue;
      const { identifier, devices } = data as Creation; // what the core writes with this kind
      asked.set(identifier, (asked.get(identifier) ?? 0) + countOf(devices));
    }
  }
  const made = [...array.devices.values()].flatMap((device) => device.made?.identifier ?? []);
  return [...asked]
    .map(([identifier, count]) => ({ identifier, more: made.filter((one) => one === identifier).length - count }))
    .filter(({ more }) => more > 0)
    .map(({ identifier, more }) => ({
      promise: 'target',
      what: `${more} targets too many were made as ${identifier}`,
    }));
}

export function undocumentedEnd({ state }: Site, run: HookRun): readonly Violation[] {
  if (isDocumented(run)) return openAfterFailure(state.openRunsOf(run.process), run);
  const error = run.end?.kind === 'error' ? run.end.error : undefined;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    { promise: 'undocumented', what: `${run.process.id} ${run.command.hook} ended with ${outcomeOf(run)}: ${text}` },
  ];
}

/** A pre hook that failed has undone everything and closed its run, or says so. One that lost its lock leaves that to others. */
function openAfterFailure(open: readonly string[], run: HookRun): readonly Violation[] {
  const outcome = outcomeOf(run);
  if (run.command.hook !== 'pre' || run.end?.kind !== 'error' || open.length === 0) return [];
  if (outcome === 'E_LEFTOVERS' || outcome === 'E_LOCKED') return [];
  return [{ promise: 'undocumented', what: `${run.process.id} failed with ${outcome} and left run ${open} open` }];
}

/** Every record of every journal that is there has its place in the drawn life of a run. */
export function strayRecords({ state }: Site): readonly Violation[] {
  return [...state.journals.keys()].flatMap((runId): Violation[] => {
    let phase: RunPhase = 'none';
    for (const { kind, seq } of state.linesOf(runId)) {
      const next: RunPhase | undefined = phaseAfter(phase, kind as Parameters<typeof phaseAfter>[1]); // another kind has no place
      if (next === undefined)
        return [{ promise: 'phase', what: `run ${runId} is ${phase}, and record ${seq} is ${kind}` }];
      phase = next;
    }
    return [];
  });
}

/**
 * Whoever lives on asks each guest that it asked to freeze to go on, before it does anything else to the end. Simulated guests go on
 * by themselves, so that a missing release would not show in how long they stood still.
 */
export const missingThaws = ({ process }: HookRun): readonly Violation[] =>
  [...process.unreleased].map((name) => ({
    promise: 'thaw',
    what: `${process.id} asked guest ${name} to freeze and ended without asking it to go on`,
  }));

/**
 * A pre hook ends by its deadline. What it has to await is as late as its thaw, and who comes late still gets a fifth of the time for
 * undoing; to it come the end of sessions that do not answer, and the last writes on this machine.
 */
export function beyondDeadline(run: HookRun): readonly Violation[] {
  if (run.command.hook !== 'pre' || run.endedAtMs === undefined) return [];
  const { limits, name } = run.command.job;
  const reserveMs = undoReserveMs(limits);
  const lateMs = limits.deadlineMs - reserveMs + limits.thawMs + LATE_UNDO_SHARE * reserveMs;
  const tookMs = run.endedAtMs - run.startedAtMs;
  const overrunMs = tookMs - Math.max(limits.deadlineMs, lateMs);
  if (overrunMs <= AFTER_DEADLINE_MS) return [];
  const what = `${run.process.id} of job ${name} took ${Math.round(tookMs)} ms with a deadline of ${limits.deadlineMs} ms`;
  return [{ promise: 'deadline', what }];
}

const LATE_UNDO_SHARE = 0.2;
const AFTER_DEADLINE_MS = 16_000;

/** Two open runs never have a target or a directory in common. `others`: the plans of open runs. */
export function sharedTargets(plan: Plan, others: readonly Plan[]): readonly Violation[] {
  // A run plans anew when somebody took a target of its first plan.
  return others.flatMap((other): Violation[] => {
    if (other.runId === plan.runId) return [];
    const targets = new Set<string>(other.devices.map(({ target }) => target));
    const shared = plan.devices.filter(({ target }) => targets.has(target)).map(({ target }) => target);
    const sameDirectory = other.spec.exportDirectory === plan.spec.exportDirectory;
    if (shared.length === 0 && !sameDirectory) return [];
    const what = shared.length > 0 ? `target ${shared}` : `directory ${plan.spec.exportDirectory}`;
    return [{ promise: 'target', what: `${what} is planned by ${other.runId} and ${plan.runId}` }];
  });
}

/** What a pre hook that succeeded promised: the grade of every VM, and images of exactly the snapshot's point in time. */
export function judgePre(site: Site, { plan, capture, files, directory }: PreResult): readonly Violation[] {
  const points = site.array.establishments.filter(({ name }) => name === plan.snapshotName);
  const pointsOf = (device: DeviceId) => points.filter(({ devices }) => devices.includes(device));
  const grades = plan.vms.flatMap((vm): Violation[] => {
    const machine = site.guests.find(({ name }) => name === vm.name);
    const truth = trueGrade({
      pointsOfDevices: [...new Set(vm.disks.flatMap(({ devices }) => devices))].map(pointsOf),
      holds: machine?.trueHolds ?? [],
      diskUuids: vm.disks.map(({ guestDiskUuid }) => guestDiskUuid),
      hasOtherWriters: vm.disks.some(({ sharedByWriters }) => sharedByWriters),
    });
    const printed = capture.vms.find((entry) => entry.vm === vm.instanceUuid)?.grade ?? 'unknown';
    if (marginOf(truth, printed) >= 0) return [];
    return [{ promise: 'overGraded', what: `${vm.name} was printed as ${printed} and is ${truth}` }];
  });
  const atMs = points[0]?.atMs;
  const contents = plan.devices.flatMap(({ device, target, imagePath }): Violation[] => {
    const expected = `${device} at ${atMs}`;
    const content = site.files.files.get(`${directory}/${imagePath}`)?.content;
    if (content === expected || isUnseenUnlink(site, target)) return [];
    return [{ promise: 'content', what: `image ${imagePath} holds "${content}", not "${expected}"` }];
  });
  const missing =
    plan.devices.length === files.length ? [] : [{ promise: 'content' as const, what: 'an image is missing' }];
  return [...grades, ...contents, ...missing];
}

/** An unlink by a person in the last seconds of the copy may go unseen where lists lag: a documented limit. */
function isUnseenUnlink({ array, timeline }: Site, target: DeviceId): boolean {
  const sinceMs = timeline.nowMs - array.options.lagMs - UNSEEN_TOLERANCE_MS;
  return array.unlinkedByHand.some((unlink) => unlink.target === target && unlink.atMs > sinceMs);
}

/** Between the last look at the links and the end of the hook. */
const UNSEEN_TOLERANCE_MS = 4000;
