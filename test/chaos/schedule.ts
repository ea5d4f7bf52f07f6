import type { ReapedFinding } from '../../src/job/finding.ts';
import type { JobSpec } from '../../src/job/job-spec.ts';
import type { Plan } from '../../src/job/plan.ts';
import type { GuestSession } from '../../src/job/run-state.ts';
import { CommandSource } from './commands.ts';
import { FaultSource } from './faults.ts';
import { jumpClock, type World } from './hook-process.ts';
import { type HookCommand, type HookRun, Hooks, isOver, outcomeOf } from './hooks.ts';
import { Intruders } from './intruders.ts';
import {
  beyondDeadline,
  foreignTouched,
  frozenGuests,
  judgePre,
  leftovers,
  missingThaws,
  repeatedEstablishes,
  sharedTargets,
  strayRecords,
  targetsMadeTwice,
  undocumentedEnd,
  type Violation,
  worstOverrunMs,
} from './invariants.ts';
import { lostThings, provableThings } from './lost-state.ts';
import { Random } from './random.ts';
import { drawSite, type Site } from './site.ts';
import { Timeline } from './timeline.ts';

export interface ScheduleResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly hooks: readonly {
    readonly hook: HookCommand['hook'];
    readonly outcome: string;
    readonly faults: readonly string[];
  }[];
  /** Calls to ports. */
  readonly steps: number;
  readonly worstOverrunMs: number;
  /** Freezes whose guards all died: only their record ended them. */
  readonly unguardedFreezes: number;
  readonly trace: readonly string[];
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Longer than any hook may take, its clean-up with every limit reached included. */
const HOOK_LIMIT_MS = 120 * MINUTE_MS;
/** Idle sessions in guests have ended by then, and lists have caught up. */
const QUIET_MS = 7 * MINUTE_MS;

/** Away from all seeds of whole lives. */
const GUARDS = 1_000_000_007;
const SHADOWS = 2_000_000_011;

/** A session of that age is taken for ended by the product. */
const SESSION_LIFE_MS = 15 * MINUTE_MS;

/** One life of a site: chaos, then everything heals and a user comes back. The seed decides all of it. */
export async function runSchedule(seed: number, { isTraced = false } = {}): Promise<ScheduleResult> {
  const limit = Error.stackTraceLimit;
  // Schedules throw by the hundred and nobody reads where; a traced one tells.
  if (!isTraced) Error.stackTraceLimit = 0;
  try {
    return await new Schedule(seed, isTraced).run();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

class Schedule {
  readonly #seed: number;
  readonly #random: Random;
  readonly #site: Site;
  readonly #hooks: Hooks;
  readonly #commands: CommandSource;
  readonly #intruders: Intruders;
  readonly #violations: Violation[] = [];
  readonly #trace: string[] = [];
  /** Plans of runs that are not closed, as the journals have them. */
  readonly #plans = new Map<string, Plan>();
  /** Sessions in guests that a journal tells of. */
  readonly #sessions = new Set<string>();
  /** Decides about what answers to the hooks' own progress, beside the flow of the schedule. */
  readonly #mischief: Random;

  constructor(seed: number, isTraced: boolean) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#mischief = new Random(-seed);
    const timeline = new Timeline();
    const faults = new FaultSource(this.#random, this.#random.pick([0, 0.01, 0.03, 0.1]));
    const trace = isTraced
      ? (line: string) => this.#trace.push(`${(timeline.nowMs / 1000).toFixed(3).padStart(10)} s  ${line}`)
      : () => undefined;
    const world: World = { timeline, faults, clockErrorMs: 0, longestJumpMs: 0, trace };
    // Decided apart, so that it changes no other part of a life.
    const guards = new Random(seed + GUARDS);
    const share = guards.chance(0.2) ? 0.3 : 0;
    const shadows = new Random(seed + SHADOWS);
    const shadowShare = shadows.chance(0.25) ? 0.7 : 0;
    this.#site = drawSite(this.#random, timeline, faults, world, {
      guardsDie: () => guards.chance(share),
      makesShadowCopies: () => shadows.chance(shadowShare),
    });
    this.#hooks = new Hooks(this.#site);
    this.#commands = new CommandSource(this.#random, this.#site.jobs, this.#hooks.runs);
    this.#intruders = new Intruders(this.#site, this.#hooks);
    this.#hooks.onEnd = (run) => this.#judgeEnd(run);
    this.#site.state.onLine = (runId, line) => this.#watchJournal(runId, line);
    this.#site.state.onUnsure = (line) => this.#forgetSession(line);
  }

  async run(): Promise<ScheduleResult> {
    await this.#chaos();
    this.#heal();
    const before = this.#intruders.fingerprint();
    await this.#recover();
    this.#judgeSessions();
    await this.#site.timeline.runUntil(() => false, QUIET_MS);
    await this.#judgeAfter();
    this.#violations.push(
      ...frozenGuests(this.#site, this.#intruders.stateWasLost),
      ...foreignTouched(this.#site, before, this.#intruders.fingerprint()),
      ...repeatedEstablishes(this.#site),
      ...targetsMadeTwice(this.#site),
      ...strayRecords(this.#site),
    );
    return {
      seed: this.#seed,
      violations: this.#violations,
      hooks: this.#hooks.runs.map((run) => ({
        hook: run.command.hook,
        outcome: outcomeOf(run),
        faults: run.process.met,
      })),
      steps: this.#hooks.runs.reduce((sum, { process }) => sum + process.callCount, 0),
      worstOverrunMs: worstOverrunMs(this.#site),
      unguardedFreezes: this.#site.guests
        .flatMap(({ standstills }) => standstills)
        .filter(({ isUnguarded }) => isUnguarded).length,
      trace: this.#trace,
    };
  }

  async #chaos(): Promise<void> {
    const random = this.#random;
    this.#intruders.plan(random.pick([20_000, 60_000, 400_000]));
    for (let act = random.whole(1, 4); act > 0; act -= 1) {
      const run = this.#hooks.start(this.#commands.command(), this.#commands.death());
      if (random.chance(0.3)) {
        // The next one comes while it works.
        await this.#site.timeline.runUntil(() => isOver(run), random.between(0, 20_000));
        if (random.chance(0.5)) this.#hooks.start(this.#commands.rivalOf(run), this.#commands.death());
        continue;
      }
      await this.#untilOver(run);
      this.#bootAgain(run);
      await this.#site.timeline.runUntil(() => false, random.pick([0, 3000, 30_000, 300_000]));
    }
    for (const run of this.#hooks.runs) await this.#untilOver(run);
  }

  /** A machine that comes up again after a crash may have another idea of the time. */
  #bootAgain(run: HookRun): void {
    if (outcomeOf(run) !== 'killed' || !this.#mischief.chance(0.15)) return;
    this.#site.world.trace('the wall clock jumps with the crash');
    jumpClock(this.#site.world, this.#mischief.pick([-3_600_000, 3_600_000]));
  }

  async #untilOver(run: HookRun): Promise<void> {
    if (await this.#site.timeline.runUntil(() => isOver(run), HOOK_LIMIT_MS)) return;
    this.#violations.push({ promise: 'hang', what: `${run.process.id} ${run.command.hook} does not end` });
    run.process.kill();
  }

  #heal(): void {
    this.#site.world.faults.isOn = false;
    this.#site.world.trace('everything heals');
  }

  /** A user, or the next night, comes back in one of the ways the documentation names. */
  async #recover(): Promise<void> {
    await this.#site.timeline.runUntil(() => false, this.#random.pick([0, 1000, 10_000, 300_000]));
    const way = this.#random.pick(['post', 'pre and post', 'reap'] as const);
    if (way === 'reap') {
      await this.#finish({ hook: 'reap', apply: true, includeWaiting: true, olderThanMs: DAY_MS });
      return;
    }
    for (const job of this.#site.jobs) {
      if (way === 'pre and post') await this.#finish({ hook: 'pre', job: { ...job, onOpenRun: 'replace' } });
      await this.#finish({ hook: 'post', job });
    }
  }

  async #finish(command: HookCommand): Promise<HookRun> {
    const run = this.#hooks.start(command);
    await this.#untilOver(run);
    return run;
  }

  #judgeEnd(run: HookRun): void {
    this.#violations.push(...undocumentedEnd(this.#site, run), ...beyondDeadline(run), ...missingThaws(run));
    if (run.end?.kind === 'pre') this.#violations.push(...judgePre(this.#site, run.end.result));
  }

  /** Idle sessions end by themselves; those that were journaled are ended at once. */
  #judgeSessions(): void {
    // After a jump ahead of the clock a session that cannot be reached passes for one that has ended when it was idle.
    if (this.#intruders.stateWasLost || this.#site.world.longestJumpMs >= SESSION_LIFE_MS) return;
    const open = this.#site.guests.flatMap(({ name, sessions }) => [...sessions.keys()].map((id) => `${name} ${id}`));
    const left = open.filter((session) => this.#sessions.has(session));
    this.#violations.push(...left.map((session): Violation => ({ promise: 'leftover', what: `session ${session}` })));
  }

  /** Nothing of ours is left where a journal tells of it; without journals it is reported, and time removes what it can. */
  async #judgeAfter(): Promise<void> {
    const left = leftovers(this.#site);
    if (!this.#intruders.stateWasLost) {
      this.#violations.push(...left.map((what): Violation => ({ promise: 'leftover', what })));
      return;
    }
    await this.#reapLost();
    const { end } = await this.#finish({ hook: 'reap', apply: false, includeWaiting: false, olderThanMs: DAY_MS });
    const findings = end?.kind === 'reap' ? end.findings : [];
    const ours = this.#site.array.snapshots.filter(({ owner }) => owner === 'ours');
    const untold = ours.filter(({ name }) => !findings.some((finding) => isAbout(finding, name)));
    this.#violations.push(
      ...untold.map(({ name }): Violation => ({ promise: 'leftover', what: `snapshot ${name} is not reported` })),
    );
    const lifeMs = Math.max(...this.#site.jobs.map((job: JobSpec) => job.timeToLiveHours)) * 60 * MINUTE_MS;
    await this.#site.timeline.runUntil(() => false, lifeMs);
    const lasting = this.#site.array.snapshots.filter(({ owner, links }) => owner === 'ours' && links.length === 0);
    this.#violations.push(
      ...lasting.map(({ name }): Violation => ({ promise: 'leftover', what: `snapshot ${name} outlived its time` })),
    );
  }

  /** What may be at work elsewhere is kept; when a user says that nothing is, all that is proven goes and nothing else. */
  async #reapLost(): Promise<void> {
    await this.#finish({ hook: 'reap', apply: true, includeWaiting: true, olderThanMs: DAY_MS });
    const lost = lostThings(this.#site);
    await this.#finish({ hook: 'reap', apply: true, includeWaiting: true, olderThanMs: DAY_MS });
    const kept = new Set(lostThings(this.#site));
    const early = lost.filter((thing) => !kept.has(thing));
    const provable = provableThings(this.#site);
    await this.#finish({ hook: 'reap', apply: true, includeWaiting: true, olderThanMs: 0 });
    const left = new Set(lostThings(this.#site));
    this.#violations.push(
      ...early.map(
        (what): Violation => ({ promise: 'foreign', what: `${what} may be at work elsewhere and was removed` }),
      ),
      ...provable
        .filter((thing) => left.has(thing))
        .map((what): Violation => ({ promise: 'leftover', what: `${what} is proven ours and stays` })),
    );
  }

  #sessionName({ vm, resume }: JournaledSession): string {
    const name = this.#site.vms.find(({ instanceUuid }) => instanceUuid === vm)?.name;
    return `${name} ${resume.shellId ?? resume.token ?? resume.shadowFolder}`;
  }

  /** A session that its process could not journal ends by itself, if it cannot be closed. */
  #forgetSession({ kind, data }: { readonly kind: string; readonly data: unknown }): void {
    if (kind === 'session') this.#sessions.delete(this.#sessionName(data as JournaledSession)); // what the core journals so
  }

  #watchJournal(runId: string, line: { readonly kind: string; readonly data: unknown }): void {
    this.#site.world.trace(`  journal ${runId} ${line.kind} ${stepOf(line.data)}`);
    if (line.kind === 'closed') this.#plans.delete(runId);
    if (line.kind === 'session') this.#sessions.add(this.#sessionName(line.data as JournaledSession)); // what the core journals so
    if (line.kind === 'done' && stepOf(line.data) === 'link' && this.#mischief.chance(0.06))
      this.#intruders.unlinkAfter(this.#mischief.between(0, 15_000), this.#mischief);
    if (line.kind !== 'planned') return;
    const plan = line.data as Plan; // what the core journals as `planned`
    if (!this.#intruders.stateWasLost) this.#violations.push(...sharedTargets(plan, [...this.#plans.values()]));
    this.#plans.set(runId, plan);
  }
}

type JournaledSession = Pick<GuestSession, 'vm' | 'resume'>;

const stepOf = (data: unknown): string =>
  typeof data === 'object' && data !== null && 'step' in data ? String(data.step) : '';

const isAbout = ({ finding }: ReapedFinding, name: string): boolean =>
  'name' in finding ? finding.name === name : 'runId' in finding && name.includes(finding.runId);
