import path from 'node:path';
import { SEED } from '../seed.ts';
import { ALLOWED_OVERRUN_MS, hashOfHelper, writeFreezeResults } from './freeze-results.ts';
import {
  HelperProcess,
  hasRecord,
  isDead,
  killed,
  type Recorded,
  readyHelper,
  release,
  stateOf,
} from './helper-process.ts';
import { faultsOf, type LoopDisk, makeDisk, removeDisks, unmount } from './loop-disk.ts';
import { succeeds } from './programs.ts';
import { until } from './until.ts';
import { type Stall, startWriter, type Writer } from './writer.ts';

const CYCLES = Number(process.env.FREEZE_CYCLES ?? 1000);
const REPLAY = `TEST_SEED=${SEED} FREEZE_CYCLES=${CYCLES} npm run test:freeze -- test/freeze/kill-loop`;
const ROOT = path.join(__dirname, '../..');

type Part = keyof Recorded | 'client';

/** Who dies in one cycle. But for all guards at once somebody is left who thaws, and does so unasked. */
const VICTIMS = {
  keeper: ['keeper'],
  watchdog: ['watchdog'],
  thawer: ['thawer'],
  freezer: ['freezer'],
  client: ['client'],
  'keeper and watchdog': ['keeper', 'watchdog'],
  'thawer and keeper': ['thawer', 'keeper'],
  'thawer and watchdog': ['thawer', 'watchdog'],
  'thawer and freezer': ['thawer', 'freezer'],
  'thawer and client': ['thawer', 'client'],
  'all guards': ['keeper', 'watchdog', 'thawer'],
  nobody: [],
} as const satisfies Readonly<Record<string, readonly Part[]>>;
type Victim = keyof typeof VICTIMS;
const ALL_VICTIMS = Object.keys(VICTIMS) as readonly Victim[]; // keys of a constant

const dies = (part: Part, victim: Victim): boolean => (VICTIMS[victim] as readonly Part[]).includes(part);

/** Each lane runs sessions one after the other on disks of its own: most of a freeze is waiting. */
interface Lane {
  readonly disks: readonly LoopDisk[];
  readonly writers: readonly Writer[];
  readonly random: () => number;
}

const LANES = 3;
let lanes: Lane[] = [];

/** mulberry32: numbers from 0 to 1 that a seed brings back. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What happens in one cycle, drawn before it begins. */
interface Plan {
  readonly victim: Victim;
  readonly leaseMs: number;
  /** The kill comes so long after `freeze`, after `frozen`, or after the release byte. */
  readonly after: 'freeze' | 'frozen' | 'release';
  readonly delayMs: number;
  readonly holdMs: number;
}

function draw(random: () => number): Plan {
  const upTo = (limit: number): number => random() * limit;
  const victim = ALL_VICTIMS[Math.floor(upTo(ALL_VICTIMS.length))] ?? 'nobody';
  const moment = (['freeze', 'frozen', 'release'] as const)[Math.floor(upTo(3))] ?? 'frozen';
  // Once all is frozen, the freezer has ended.
  const after = dies('freezer', victim) ? 'freeze' : moment;
  return {
    victim,
    leaseMs: 200 + Math.floor(upTo(200)),
    after,
    delayMs: upTo({ freeze: 160, frozen: 40, release: 6 }[after]),
    // Sometimes longer than the lease.
    holdMs: upTo(1) < 0.08 ? 400 : upTo(40),
  };
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Keeper, watchdog and thawer, so that nobody is left to thaw. They are stopped first: otherwise one of them may be killed within
 * FITHAW, which some kernels answer by making a btrfs read-only.
 */
async function killGuards({ keeper, watchdog, thawer }: Recorded): Promise<boolean> {
  const guards = [keeper, watchdog, thawer].filter((pid) => !isDead(pid));
  for (const pid of guards) process.kill(pid, 'SIGSTOP');
  await until(() => guards.every((pid) => isDead(pid) || stateOf(pid) === 'T'), 1000);
  return guards.filter(killed).length === 3;
}

/** True when all who were to die were still there. */
async function strike(victim: Victim, helper: HelperProcess, recorded: Recorded): Promise<boolean> {
  if (victim === 'all guards') return await killGuards(recorded);
  const struck = VICTIMS[victim].map((part) => {
    if (part !== 'client') return killed(recorded[part]);
    helper.hangUp();
    return true;
  });
  return struck.every(Boolean);
}

/**
 * Without btrfs where the thawer may die within FITHAW: the kernel then turns a btrfs read-only (see the limits of the helper's
 * page), and no helper could prevent that.
 */
const disksFor = (victim: Victim, disks: readonly LoopDisk[]): readonly LoopDisk[] =>
  dies('thawer', victim) && victim !== 'all guards' ? disks.filter(({ kind }) => kind !== 'btrfs') : disks;

interface Outcome {
  readonly struck: boolean;
  readonly frozen: boolean;
  readonly ended: boolean;
  readonly stalls: readonly (Stall | undefined)[];
}

async function runCycle({ disks, writers }: Lane, plan: Plan): Promise<Outcome> {
  const { victim, leaseMs, after, delayMs, holdMs } = plan;
  const unheard = dies('client', victim);
  const { helper, hello, recorded } = await readyHelper(disksFor(victim, disks), { leaseMs });
  const { bootId, token } = hello;
  let struck: Promise<boolean> | undefined;
  const strikeLater = (): void => {
    struck = passed(delayMs).then(() => strike(victim, helper, recorded));
  };
  helper.say('freeze\n');
  if (after === 'freeze') strikeLater();
  // A helper that was killed says nothing; one whose client is gone is not heard.
  const answer = unheard && after === 'freeze' ? undefined : await helper.next();
  const frozen = answer?.event === 'frozen';
  if (after === 'frozen') strikeLater();
  if (frozen) await passed(holdMs);
  helper.say('T');
  if (after === 'release') strikeLater();
  const hit = (await struck) ?? false;
  if (victim === 'all guards') await release(bootId, token);
  else if (victim === 'nobody' || !hit) helper.say('quit\n');
  const endLimitMs = leaseMs + ALLOWED_OVERRUN_MS;
  const stalls = await Promise.all(writers.map((writer) => writer.ask(endLimitMs + ALLOWED_OVERRUN_MS)));
  helper.say('quit\n');
  const ended = await until(() => Object.values(recorded).every(isDead) && !hasRecord(token), endLimitMs);
  return { struck: hit, frozen, ended, stalls };
}

beforeAll(async () => {
  for (let lane = 0; lane < LANES; lane += 1) {
    const disks = [makeDisk('ext4'), makeDisk('xfs'), makeDisk('btrfs')];
    const writers = await Promise.all(disks.map(({ mountPoint }) => startWriter(mountPoint)));
    lanes.push({ disks, writers, random: randomFrom(SEED + lane) });
  }
});

const closeWriters = (): Promise<unknown> =>
  Promise.all(lanes.flatMap(({ writers }) => writers).map((writer) => writer.close()));

afterAll(async () => {
  HelperProcess.killAll();
  for (const { mountPoint } of lanes.flatMap(({ disks }) => disks)) succeeds('fsfreeze', '-u', mountPoint);
  await closeWriters();
  removeDisks();
});

const results = {
  /** With somebody left who thawed by himself. */
  realFreezeCycles: 0,
  /** With nobody left: thawed by the record when `release` was called. */
  freezesEndedByRecord: 0,
  cycles: 0,
  /** The longest that a write stood still beyond the lease of its cycle. */
  worstOverrunMs: 0,
  longestStallMs: 0,
  kills: Object.fromEntries(ALL_VICTIMS.map((victim) => [victim, 0])),
  frozenAtEnd: 0,
  complete: false,
  helper: hashOfHelper(ROOT),
  seed: SEED,
};

function count(plan: Plan, { struck, frozen, stalls }: Outcome): void {
  const longestMs = Math.max(...stalls.map((stall) => stall?.longestMs ?? Number.POSITIVE_INFINITY));
  results.cycles += 1;
  if (frozen && plan.victim === 'all guards') results.freezesEndedByRecord += 1;
  else if (frozen) results.realFreezeCycles += 1;
  if (struck) results.kills[plan.victim] = (results.kills[plan.victim] ?? 0) + 1;
  results.frozenAtEnd += stalls.filter((stall) => stall === undefined).length;
  results.longestStallMs = Math.max(results.longestStallMs, Math.round(longestMs));
  results.worstOverrunMs = Math.max(results.worstOverrunMs, Math.round(longestMs - plan.leaseMs));
  writeFreezeResults(ROOT, results);
}

async function runLane(lane: Lane, index: number): Promise<void> {
  for (let cycle = 0; results.realFreezeCycles < CYCLES; cycle += 1) {
    const plan = draw(lane.random);
    const outcome = await runCycle(lane, plan);
    count(plan, outcome);
    const where = `lane ${index}, cycle ${cycle}: ${JSON.stringify(plan)}. Again: ${REPLAY}`;
    expect([where, 'stands still', results.frozenAtEnd]).toEqual([where, 'stands still', 0]);
    expect([where, 'too late', results.worstOverrunMs > ALLOWED_OVERRUN_MS]).toEqual([where, 'too late', false]);
    expect([where, 'nothing left', outcome.ended]).toEqual([where, 'nothing left', true]);
  }
}

test(`whoever is killed whenever, writes never stand still for longer than the lease and a second (${CYCLES} freezes)`, async () => {
  process.stderr.write(`kill loop: seed ${SEED}\n`);
  await Promise.all(lanes.map(runLane));
  expect(ALL_VICTIMS.filter((victim) => results.kills[victim] === 0)).toEqual([]);
}, 900_000);

test('after the kill loop the file systems are sound', async () => {
  await closeWriters();
  const disks = lanes.flatMap(({ disks }) => disks);
  lanes = [];
  for (const disk of disks) await unmount(disk);
  expect(disks.map(faultsOf).filter((fault) => fault !== '')).toEqual([]);
  results.complete = results.realFreezeCycles >= CYCLES;
  writeFreezeResults(ROOT, results);
});
