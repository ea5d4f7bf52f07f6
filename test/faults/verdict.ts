import { emptyFolders } from '../left-behind.ts';
import { longestLagMs } from './event-loop-lag.ts';
import type { FaultSite } from './fault-site.ts';
import { PACE, SHELL_IDLE_MS } from './pace.ts';
import type { RunStep } from './run-step.ts';
import { establishesPerRun, frozenBeyondMs, isQuiet } from './truth.ts';

/** How a site was before a case. */
export interface SiteBefore {
  readonly seq: number;
  readonly atMs: number;
  readonly foreign: string;
  readonly vcenterSessions: number;
  readonly left: readonly string[];
}

export const lookBefore = ({ lab, foreign }: FaultSite): SiteBefore => ({
  seq: lab.events.events.at(-1)?.seq ?? 0,
  atMs: performance.now(),
  foreign: foreign.look(),
  vcenterSessions: lab.vcenterSessions(),
  left: emptyFolders(lab),
});

/** What must hold after every case, whatever happened in it. */
export interface Verdict {
  /** The longest a guest was held beyond its lease; 0 when none was. */
  readonly frozenBeyondLeaseMs: number;
  /** What no recovery removed. */
  readonly leftovers: readonly string[];
  readonly foreignTouched: boolean;
  /** The most establishes any run of the case had. */
  readonly establishes: number;
  /** Everything that breaks a promise, in words; empty is what must be. */
  readonly problems: readonly string[];
}

/** What the promise allows, in the lab's time; late timers of a busy machine come on top. */
const LEASE_TOLERANCE_MS = 1000 * PACE;
/** A hold ends by one timer, and the thaw takes another. */
const TIMERS_OF_A_HOLD = 2;

export async function verdictOn(
  site: FaultSite,
  before: SiteBefore,
  step: RunStep,
  processLives: boolean,
): Promise<Verdict> {
  const shellsEnded = await idleShellsEnd(site, before, step);
  const leftovers = await leftoversOf(site, before, step, processLives);
  const events = site.lab.events.since(before.seq);
  const frozenBeyondLeaseMs = frozenBeyondMs(events, performance.now());
  const establishes = establishesPerRun(events);
  const foreignTouched = site.foreign.look() !== before.foreign;
  const problems: string[] = [];
  if (!shellsEnded) problems.push('a shell that is left to its idle time did not end');
  if (leftovers.length > 0) problems.push(`left in the end: ${leftovers.join(', ')}`);
  const allowedMs = LEASE_TOLERANCE_MS + TIMERS_OF_A_HOLD * longestLagMs(before.atMs);
  if (frozenBeyondLeaseMs > allowedMs) problems.push(`frozen ${frozenBeyondLeaseMs} ms beyond the lease`);
  if (establishes > 1) problems.push(`${establishes} establishes in one run`);
  if (foreignTouched) problems.push('a foreign object was touched');
  return { frozenBeyondLeaseMs, leftovers, foreignTouched, establishes, problems };
}

/** Some sessions cannot be ended by anybody and end by idle time (README, known limits); anything else counts. */
export async function leftoversOf(
  site: FaultSite,
  before: SiteBefore,
  step: RunStep,
  processLives: boolean,
): Promise<readonly string[]> {
  await sshSessionsEnd(site);
  await waitWhile(site, () => site.lab.guest.quietSets() > 0);
  const excused = new Set<string>();
  if (step.operation === 'CreateTemporaryDirectoryInGuest') for (const one of emptyFolders(site.lab)) excused.add(one);
  if (mayLeaveShell(site, before, step)) excused.add('guest shell');
  const cannotLogOut = !processLives || step.system === 'vcenter';
  if (cannotLogOut || site.lab.vcenterSessions() <= before.vcenterSessions) excused.add('vCenter session');
  // What an earlier case was excused for and stays is none of this one.
  const left = site.leftBehind().filter((one) => !excused.has(one) && !before.left.includes(one));
  return (await isLeftQuiet(site, before)) ? [...left, 'quiet application'] : left;
}

/** For what a guest does by itself when its connection ended or its session was released: the thaw, and its scripts. */
const AFTERWARDS_MS = 3000;

/** Does an application that scripts or plug-ins speak for wait for a thaw that does not come? */
export async function isLeftQuiet(site: FaultSite, before: SiteBefore): Promise<boolean> {
  const stillQuiet = () => isQuiet(site.lab.events.since(before.seq));
  await waitWhile(site, stillQuiet);
  return stillQuiet();
}

const sshSessionsEnd = (site: FaultSite): Promise<void> =>
  waitWhile(site, () => site.lab.linuxGuest.sessionCount() > 0);

async function waitWhile({ lab }: FaultSite, condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + AFTERWARDS_MS;
  while (condition() && performance.now() < untilMs) await lab.pause(10);
}

/** A shell was made and never used: its making was interrupted, so that no journal knows its name. */
function madeUnnamedShell({ lab }: FaultSite, { seq }: SiteBefore): boolean {
  const calls = lab.events.since(seq).filter(({ system, kind }) => system === 'guest' && kind === 'request');
  const count = (name: string) => calls.filter(({ operation }) => operation === name).length;
  return count('Create') > count('Command');
}

/** Nor does one in which shadow copies are made, or a full backup is ended: it holds nothing of the guest by itself. */
const mayLeaveShell = (site: FaultSite, before: SiteBefore, { hook }: RunStep): boolean =>
  madeUnnamedShell(site, before) || site.area === 'shadow copies' || (site.area === 'full backup' && hook === 'post');

async function idleShellsEnd(site: FaultSite, before: SiteBefore, step: RunStep): Promise<boolean> {
  if (!mayLeaveShell(site, before, step)) return true;
  const untilMs = performance.now() + SHELL_IDLE_MS + 2000;
  while (site.lab.guestShells() > 0 && performance.now() < untilMs) await site.lab.pause(10);
  return site.lab.guestShells() === 0;
}
