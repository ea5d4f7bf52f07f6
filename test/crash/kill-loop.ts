import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Lab, type LabOptions, startLab } from '../../src/lab/lab.ts';
import { type ConfigChange, changeConfig } from '../lab/lab-config.ts';
import { leftByKilled } from '../left-behind.ts';
import { CRASH_STRIDE, SEED } from '../seed.ts';
import { type Ended, ended, killAtCall, start, until } from './killed-run.ts';

/** Shrinks holds, defines and settling; a lease of 10 s becomes 500 ms. */
const PACE = 0.05;
const LEASE_MS = 10_000 * PACE;
const SHELL_IDLE_MS = 180_000 * PACE;
const AFTERWARDS_MS = 3000;
const MORE_THAN_ANY_RUN = 200;

let lab: Lab;
let configFile: string;
let args: readonly string[];

interface CrashSite {
  readonly lab?: Partial<LabOptions>;
  readonly configure?: ConfigChange;
  readonly arrange?: (lab: Lab) => void;
}

/** Each suite has a lab of its own. `presented`: a Windows guest, targets presented for the run. `mixed`: also a Linux guest. */
export function useLab(
  job: 'presented' | 'mixed' | 'linux' | 'managed-tools' = 'presented',
  { lab: options, configure, arrange }: CrashSite = {},
): void {
  beforeAll(async () => {
    const directory = mkdtempSync(path.join(os.tmpdir(), 'snaphook-crash-'));
    lab = await startLab({
      directory,
      pace: PACE,
      ...options,
      estate: { disks: 2, cylinders: 6, ...options?.estate },
    });
    arrange?.(lab);
    if (configure) changeConfig(lab.configFile, configure);
    configFile = anyGrade(lab.configFile);
    args = ['--config', configFile, '--job', job];
  });
  afterAll(async () => {
    await lab.close();
    rmSync(lab.directory, { recursive: true, force: true });
  });
}

/** Of the suite that runs. */
export const site = () => ({ lab, configFile });

/** On a busy machine the shrunken lease may end before its window does; these loops are about what is left, not about grades. */
function anyGrade(file: string): string {
  const change: ConfigChange = ({ jobs }) => {
    for (const job of Object.values(jobs)) job.onLowerGrade = 'degrade';
  };
  return changeConfig(file, change, path.join(path.dirname(file), 'any-grade.yaml'));
}

/** How a user, or the next night, comes back after a crash. Each must leave nothing behind. */
const RECOVERIES = {
  post: async () => [await ended(start('post-backup', args))],
  'post of success': async () => [await ended(start('post-backup', [...args, ...SUCCESS]))],
  'pre again': async () => {
    const again = await ended(start('pre-backup', [...args, '--on-open-run', 'replace']));
    return [again, await ended(start('post-backup', args))];
  },
  reap: async () => [await ended(start('snaphook', ['reap', '--config', configFile, '--apply', '--include-waiting']))],
} as const satisfies Readonly<Record<string, () => Promise<readonly Ended[]>>>;
type Recovery = keyof typeof RECOVERIES;

/** How a post hook is told it. */
export const SUCCESS = ['--outcome', 'success'] as const;

/** 3: handed over with a lower grade. */
const ALLOWED_EXIT_CODES = [0, 3, 75];

export async function expectThawed(point: string): Promise<void> {
  const thawed = await until(() => !lab.isFrozen(), LEASE_MS + 1000);
  expect([point, 'frozen longer than its lease', !thawed]).toEqual([point, 'frozen longer than its lease', false]);
}

export async function recoverAndCheck(point: string, recovery: Recovery): Promise<void> {
  await expectThawed(point);
  const outcomes = await RECOVERIES[recovery]();
  for (const { exitCode, stderr } of outcomes) {
    expect([point, recovery, ALLOWED_EXIT_CODES.includes(exitCode ?? -1) ? 'ok' : `${exitCode}: ${stderr}`]).toEqual([
      point,
      recovery,
      'ok',
    ]);
  }
  // The guest lets applications go on by itself, when it has seen the end of the session.
  await until(() => lab.guest.quietSets() === 0, AFTERWARDS_MS);
  expect([point, recovery, leftByKilled(lab)]).toEqual([point, recovery, []]);
  // A shell that no journal names holds nothing, and ends when it is idle.
  expect([
    point,
    recovery,
    'shells',
    (await until(() => lab.guestShells() === 0, SHELL_IDLE_MS + 2000)) ? 0 : lab.guestShells(),
  ]).toEqual([point, recovery, 'shells', 0]);
  for (const application of [lab.application, lab.linuxGuest.database]) {
    const written = application?.lastAcknowledged ?? 0;
    const goesOn = () => (application?.lastAcknowledged ?? 0) > written;
    expect([point, recovery, 'goes on', await until(goesOn, 5000)]).toEqual([point, recovery, 'goes on', true]);
  }
}

/** What comes after a program that was killed, with checks of its own, and after one that got through. */
export interface Aftermath {
  readonly killed: (point: string) => Promise<void>;
  readonly through: () => Promise<void>;
}

export const comesNext = (recovery: Recovery): Aftermath => ({
  killed: (point) => recoverAndCheck(point, recovery),
  async through() {
    await RECOVERIES.post();
  },
});

/**
 * Kills at point 1, 2, 3 … (or some of them) until a run gets through unharmed; that run is ended normally. Returns the last point
 * that may have been there. `sparse`: where points are left out, so many times more of them are.
 */
export async function killAtEveryPoint(
  name: string,
  aftermath: Aftermath,
  runOnce: (point: number) => Promise<Ended>,
  sparse = 1,
): Promise<number> {
  const stride = CRASH_STRIDE === 1 ? 1 : CRASH_STRIDE * sparse;
  for (let point = 1 + (SEED % stride); point < MORE_THAN_ANY_RUN; point += stride) {
    const outcome = await runOnce(point);
    if (!outcome.killed) {
      const isThrough = outcome.exitCode === 0 || outcome.exitCode === 3;
      expect([name, point, isThrough ? 'through' : `${outcome.exitCode}: ${outcome.stderr}`]).toEqual([
        name,
        point,
        'through',
      ]);
      await aftermath.through();
      return point - 1;
    }
    await aftermath.killed(`${name} ${point}`);
  }
  throw new Error(`${name}: no run got through`);
}

/** Kills the pre hook at every journal write and every remote call. */
export function killPreHookEverywhere(aftermath: Aftermath, sparse?: number): void {
  test.each(['before', 'torn', 'after'])('at every journal write (%s): nothing frozen, nothing left', async (when) => {
    const points = await killAtEveryPoint(
      `journal write, ${when},`,
      aftermath,
      (point) =>
        ended(start('pre-backup', args, { KILL_AT: String(point), KILL_WHEN: when }, 'kill-at-journal-write.cjs')),
      sparse,
    );

    expect(points).toBeGreaterThan(15);
  });

  test.each(['before', 'after'] as const)(
    'at every remote call (%s its effect): nothing frozen, nothing left',
    async (when) => {
      const runOnce = (point: number) => endedOrKilledAtCall('pre-backup', args, point, when);
      const points = await killAtEveryPoint(`remote call, ${when},`, aftermath, runOnce, sparse);

      expect(points).toBeGreaterThan(25);
    },
  );
}

async function endedOrKilledAtCall(
  program: string,
  words: readonly string[],
  point: number,
  when: 'before' | 'after',
): Promise<Ended> {
  const child = start(program, words);
  const stop = killAtCall(lab, () => child, point, when);
  const outcome = await ended(child);
  stop();
  return outcome;
}

/** Kills the post hook, which may be told something, at every journal write and every remote call. */
export function killPostHookEverywhere(aftermath: Aftermath, told: readonly string[] = [], sparse?: number): void {
  const openRun = async () => expect([0, 3]).toContain((await ended(start('pre-backup', args))).exitCode);

  test.each(['before', 'torn', 'after'])('at every journal write (%s): nothing left', async (when) => {
    const runOnce = async (point: number) => {
      await openRun();
      const env = { KILL_AT: String(point), KILL_WHEN: when };
      return ended(start('post-backup', [...args, ...told], env, 'kill-at-journal-write.cjs'));
    };
    const points = await killAtEveryPoint(`post, journal write, ${when},`, aftermath, runOnce, sparse);

    expect(points).toBeGreaterThan(5);
  });

  test.each(['before', 'after'] as const)('at every remote call (%s its effect): nothing left', async (when) => {
    const runOnce = async (point: number) => {
      await openRun();
      return endedOrKilledAtCall('post-backup', [...args, ...told], point, when);
    };
    const points = await killAtEveryPoint(`post, remote call, ${when},`, aftermath, runOnce, sparse);

    expect(points).toBeGreaterThan(2);
  });
}
