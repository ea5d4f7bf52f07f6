import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { CRASH_STRIDE, SEED } from '../seed.ts';
import { type Ended, ended, killAtCall, leftBehind, start, until } from './killed-run.ts';

/** Shrinks holds, defines and settling; a lease of 10 s becomes 500 ms. */
const PACE = 0.05;
const LEASE_MS = 10_000 * PACE;
const SHELL_IDLE_MS = 180_000 * PACE;
const MORE_THAN_ANY_RUN = 200;

let lab: Lab;
let configFile: string;
let args: readonly string[];

/** Each suite has a lab of its own. `presented`: a Windows guest, targets presented for the run. `mixed`: also a Linux guest. */
export function useLab(job: 'presented' | 'mixed' = 'presented'): void {
  beforeAll(async () => {
    const directory = mkdtempSync(path.join(os.tmpdir(), 'snaphook-crash-'));
    lab = await startLab({ directory, pace: PACE, estate: { disks: 2, cylinders: 6 } });
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
  const config: { jobs: Record<string, object> } = parse(readFileSync(file, 'utf8')); // the lab wrote it
  const jobs = Object.entries(config.jobs).map(([name, job]) => [name, { ...job, onLowerGrade: 'degrade' }]);
  const changed = path.join(path.dirname(file), 'any-grade.yaml');
  writeFileSync(changed, stringify({ ...config, jobs: Object.fromEntries(jobs) }));
  return changed;
}

/** How a user, or the next night, comes back after a crash. Each must leave nothing behind. */
const RECOVERIES: Readonly<Record<string, () => Promise<readonly Ended[]>>> = {
  post: async () => [await ended(start('post-backup', args))],
  'pre again': async () => {
    const again = await ended(start('pre-backup', [...args, '--on-open-run', 'replace']));
    return [again, await ended(start('post-backup', args))];
  },
  reap: async () => [await ended(start('snaphook', ['reap', '--config', configFile, '--apply', '--include-waiting']))],
};

/** 3: handed over with a lower grade. */
const ALLOWED_EXIT_CODES = [0, 3, 75];

export async function expectThawed(point: string): Promise<void> {
  const thawed = await until(() => !lab.isFrozen(), LEASE_MS + 1000);
  expect([point, 'frozen longer than its lease', !thawed]).toEqual([point, 'frozen longer than its lease', false]);
}

async function recoverAndCheck(point: string, recovery: string): Promise<void> {
  await expectThawed(point);
  const outcomes = (await RECOVERIES[recovery]?.()) ?? [];
  for (const { exitCode, stderr } of outcomes) {
    expect([point, recovery, ALLOWED_EXIT_CODES.includes(exitCode ?? -1) ? 'ok' : `${exitCode}: ${stderr}`]).toEqual([
      point,
      recovery,
      'ok',
    ]);
  }
  expect([point, recovery, leftBehind(lab)]).toEqual([point, recovery, []]);
  // A shell whose making was interrupted has no name in any journal; nothing is frozen in it and it ends when it is idle.
  expect([
    point,
    recovery,
    'shells',
    (await until(() => lab.guestShells() === 0, SHELL_IDLE_MS + 2000)) ? 0 : lab.guestShells(),
  ]).toEqual([point, recovery, 'shells', 0]);
  const written = lab.application.lastAcknowledged;
  expect(await until(() => lab.application.lastAcknowledged > written, 5000)).toBe(true);
}

/** What comes after a program that was killed, with checks of its own, and after one that got through. */
export interface Aftermath {
  readonly killed: (point: string) => Promise<void>;
  readonly through: () => Promise<void>;
}

const afterHook = (recovery: string): Aftermath => ({
  killed: (point) => recoverAndCheck(point, recovery),
  async through() {
    await RECOVERIES.post?.();
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

/** Kills the pre hook at every journal write and every remote call; `recovery` comes next each time. */
export function killPreHookEverywhere(recovery: string): void {
  test.each(['before', 'torn', 'after'])('at every journal write (%s): nothing frozen, nothing left', async (when) => {
    const points = await killAtEveryPoint(`journal write, ${when},`, afterHook(recovery), (point) =>
      ended(start('pre-backup', args, { KILL_AT: String(point), KILL_WHEN: when }, 'kill-at-journal-write.cjs')),
    );

    expect(points).toBeGreaterThan(15);
  });

  test.each(['before', 'after'] as const)(
    'at every remote call (%s its effect): nothing frozen, nothing left',
    async (when) => {
      const points = await killAtEveryPoint(`remote call, ${when},`, afterHook(recovery), async (point) => {
        const child = start('pre-backup', args);
        const stop = killAtCall(lab, () => child, point, when);
        const outcome = await ended(child);
        stop();
        return outcome;
      });

      expect(points).toBeGreaterThan(25);
    },
  );
}

/** Kills the post hook at every journal write and every remote call; the post hook comes again each time. */
export function killPostHookEverywhere(): void {
  const openRun = async () => expect([0, 3]).toContain((await ended(start('pre-backup', args))).exitCode);

  test.each(['before', 'torn', 'after'])('at every journal write (%s): nothing left', async (when) => {
    const points = await killAtEveryPoint(`post, journal write, ${when},`, afterHook('post'), async (point) => {
      await openRun();
      return ended(
        start('post-backup', args, { KILL_AT: String(point), KILL_WHEN: when }, 'kill-at-journal-write.cjs'),
      );
    });

    expect(points).toBeGreaterThan(5);
  });

  test.each(['before', 'after'] as const)('at every remote call (%s its effect): nothing left', async (when) => {
    const points = await killAtEveryPoint(`post, remote call, ${when},`, afterHook('post'), async (point) => {
      await openRun();
      const child = start('post-backup', args);
      const stop = killAtCall(lab, () => child, point, when);
      const outcome = await ended(child);
      stop();
      return outcome;
    });

    expect(points).toBeGreaterThan(2);
  });
}
