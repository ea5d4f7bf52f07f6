import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HelperProcess, hasRecord, isDead, killed, type Recorded, readyHelper, release } from './helper-process.ts';
import { faultsOf, type LoopDisk, makeDisk, removeDisks, succeeds, unmount } from './loop-disk.ts';
import { until } from './stage.ts';
import { type Stall, startWriter, type Writer } from './writer.ts';

const CYCLES = Number(process.env.FREEZE_CYCLES ?? 1000);
const SEED = Number(process.env.FREEZE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const REPLAY = `FREEZE_SEED=${SEED} FREEZE_CYCLES=${CYCLES} npm run test:freeze -- test/freeze/kill-loop`;
const RESULTS = path.join(__dirname, '../../build/freeze-results.json');
/** Beyond its lease nothing may stand still for longer than this. */
const ALLOWED_OVERRUN_MS = 1000;

const VICTIMS = ['keeper', 'watchdog', 'freezer', 'client', 'keeper and watchdog', 'nobody'] as const;
type Victim = (typeof VICTIMS)[number];

let disks: LoopDisk[];
let writers: Writer[];

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

const random = randomFrom(SEED);
const upTo = (limit: number): number => random() * limit;

/** What happens in one cycle, drawn before it begins. */
interface Plan {
  readonly victim: Victim;
  readonly leaseMs: number;
  /** The kill comes so long after `freeze`, after `frozen`, or after the release byte. */
  readonly after: 'freeze' | 'frozen' | 'release';
  readonly delayMs: number;
  readonly holdMs: number;
}

function draw(): Plan {
  const victim = VICTIMS[Math.floor(upTo(VICTIMS.length))] ?? 'nobody';
  const after = (['freeze', 'frozen', 'release'] as const)[Math.floor(upTo(3))] ?? 'frozen';
  return {
    victim,
    leaseMs: 100 + Math.floor(upTo(200)),
    after,
    delayMs: upTo({ freeze: 60, frozen: 40, release: 6 }[after]),
    // Sometimes longer than the lease.
    holdMs: upTo(1) < 0.1 ? 350 : upTo(40),
  };
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** True when the victim was still there. */
function strike(victim: Victim, helper: HelperProcess, recorded: Recorded): boolean {
  if (victim === 'client') helper.hangUp();
  if (victim === 'client' || victim === 'nobody') return true;
  if (victim !== 'keeper and watchdog') return killed(recorded[victim]);
  const keeper = killed(recorded.keeper);
  return killed(recorded.watchdog) && keeper;
}

interface Outcome {
  readonly struck: boolean;
  readonly frozen: boolean;
  readonly ended: boolean;
  readonly stalls: readonly (Stall | undefined)[];
}

async function runCycle({ victim, leaseMs, after, delayMs, holdMs }: Plan): Promise<Outcome> {
  const { helper, hello, recorded } = await readyHelper(disks, { leaseMs });
  const { bootId, token } = hello;
  let struck: Promise<boolean> | undefined;
  const strikeLater = (): void => {
    struck = passed(delayMs).then(() => strike(victim, helper, recorded));
  };
  helper.say('freeze\n');
  if (after === 'freeze') strikeLater();
  // A helper that was killed says nothing; one whose client is gone is not heard.
  const answer = victim === 'client' && after === 'freeze' ? undefined : await helper.next();
  const frozen = answer?.event === 'frozen';
  if (after === 'frozen') strikeLater();
  if (frozen) await passed(holdMs);
  helper.say('T');
  if (after === 'release') strikeLater();
  const hit = (await struck) ?? false;
  if (victim === 'keeper and watchdog') release(bootId, token);
  else if (victim === 'nobody' || !hit) helper.say('quit\n');
  const endLimitMs = leaseMs + ALLOWED_OVERRUN_MS;
  const stalls = await Promise.all(writers.map((writer) => writer.ask(endLimitMs + ALLOWED_OVERRUN_MS)));
  helper.say('quit\n');
  const ended = await until(() => Object.values(recorded).every(isDead) && !hasRecord(token), endLimitMs);
  return { struck: hit, frozen, ended, stalls };
}

beforeAll(async () => {
  disks = [makeDisk('ext4'), makeDisk('xfs'), makeDisk('btrfs')];
  writers = await Promise.all(disks.map(({ mountPoint }) => startWriter(mountPoint)));
});

afterAll(async () => {
  HelperProcess.killAll();
  for (const { mountPoint } of disks) succeeds('fsfreeze', '-u', mountPoint);
  await Promise.all(writers.map((writer) => writer.close()));
  removeDisks();
});

test(`whoever is killed whenever, writes never stand still for longer than the lease and a second (${CYCLES} freezes)`, async () => {
  process.stderr.write(`kill loop: seed ${SEED}\n`);
  const results = {
    realFreezeCycles: 0,
    cycles: 0,
    worstOverrunMs: 0,
    kills: Object.fromEntries(VICTIMS.map((victim) => [victim, 0])),
    frozenAtEnd: 0,
    seed: SEED,
  };
  const save = (): void => {
    mkdirSync(path.dirname(RESULTS), { recursive: true });
    writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  };
  while (results.realFreezeCycles < CYCLES) {
    const plan = draw();
    const where = `cycle ${results.cycles}: ${JSON.stringify(plan)}. Again: ${REPLAY}`;
    const { struck, frozen, ended, stalls } = await runCycle(plan);
    results.cycles += 1;
    if (frozen) results.realFreezeCycles += 1;
    if (struck) results.kills[plan.victim] = (results.kills[plan.victim] ?? 0) + 1;
    results.frozenAtEnd += stalls.filter((stall) => stall === undefined).length;
    const overrunMs = Math.max(...stalls.map((stall) => (stall?.longestMs ?? Number.POSITIVE_INFINITY) - plan.leaseMs));
    results.worstOverrunMs = Math.max(results.worstOverrunMs, Math.round(overrunMs));
    save();
    expect([where, 'stands still', results.frozenAtEnd]).toEqual([where, 'stands still', 0]);
    expect([where, 'in time', overrunMs <= ALLOWED_OVERRUN_MS]).toEqual([where, 'in time', true]);
    expect([where, 'nothing left', ended]).toEqual([where, 'nothing left', true]);
  }
  expect(VICTIMS.filter((victim) => results.kills[victim] === 0)).toEqual([]);
}, 900_000);

test('after the kill loop the file systems are sound', async () => {
  await Promise.all(writers.map((writer) => writer.close()));
  writers = [];
  for (const disk of disks) await unmount(disk);
  expect(disks.map(faultsOf)).toEqual(['', '', '']);
});
