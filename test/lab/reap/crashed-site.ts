import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReapedFinding } from '../../../src/job/finding.ts';
import { reap } from '../../../src/job/reap.ts';
import type { ReapRequest } from '../../../src/job/reaping.ts';
import { ARRAY_ID } from '../../../src/lab/estate-array.ts';
import type { Lab } from '../../../src/lab/lab.ts';
import type { Site } from '../main-job/site.ts';

const DIST = path.join(__dirname, '../../../dist');

/** Where a pre hook is killed: at a request to the array or to vCenter, or when it gives a file in the hand-over directory its name. */
export type CrashPoint =
  | { readonly operation: string; readonly when: 'before' | 'after'; readonly system?: 'array' | 'vcenter' }
  | { readonly rename: string; readonly when: 'before' | 'after' };

/** Runs the pre hook as a program of its own and kills it at the point; resolves when its guest writes again. */
export const crashPre = (lab: Lab, job: string, point: CrashPoint): Promise<void> =>
  crashProgram(lab, ['pre-backup.cjs', '--job', job], point);

/** The same of any program of `dist/` and its arguments. */
export async function crashProgram(
  lab: Lab,
  [program, ...words]: readonly [string, ...string[]],
  point: CrashPoint,
): Promise<void> {
  const byRename = 'rename' in point;
  const env = byRename ? { KILL_AT_RENAME: point.rename, KILL_WHEN: point.when } : {};
  const preload = byRename ? ['--require', path.join(__dirname, 'kill-at-rename.cjs')] : [];
  let child: ChildProcess | undefined;
  const remove = byRename
    ? () => undefined
    : lab.faults.add({
        system: point.system ?? 'array',
        operation: point.operation,
        when: point.when,
        nth: 1,
        action: { do: 'call', run: () => void child?.kill('SIGKILL') },
      });
  const args = [...preload, path.join(DIST, program), ...words, '--config', lab.configFile];
  child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [, signal] = await once(child, 'close');
  remove();
  if (signal !== 'SIGKILL') throw new Error(`${program} was not killed: ${stderr}`);
  while (lab.isFrozen()) await sleep(10);
  await lab.linksDefined();
}

export const loseState = (lab: Lab): void =>
  rmSync(path.join(lab.directory, 'state'), { recursive: true, force: true });

const HOUR_MS = 3_600_000;

export const reapSite = (site: Site, request: Partial<ReapRequest> = {}): Promise<readonly ReapedFinding[]> =>
  site.withPorts((ports) =>
    reap(
      ports,
      { apply: false, includeWaiting: false, olderThanMs: 24 * HOUR_MS, ...request },
      new AbortController().signal,
    ),
  );

/** `kind did`, sorted: what a test compares. */
export const told = (findings: readonly ReapedFinding[]): readonly string[] =>
  findings.map(({ finding, did }) => `${finding.kind} ${did}`).sort();

/** Everything a client can change on the array, and the content of the devices named. */
export function arrayState(lab: Lab, contentOf: readonly string[] = []): unknown {
  return {
    devices: lab.store.devices().map(({ id, cylinders }) => ({
      id,
      cylinders,
      snapshots: lab.store.snapshots(id).map(({ name, snapId, generation, createdAt, expiresAt, links }) => ({
        name,
        snapId,
        generation,
        createdAt,
        expiresAt,
        links: links.map(({ target, linkedAt, copy }) => ({ target, linkedAt, copy })),
      })),
    })),
    groups: lab.unisphere
      .array(ARRAY_ID)
      .config.storageGroups.map(({ id, volumes }) => ({ id, volumes: [...volumes] })),
    content: contentOf.map((device) =>
      lab.store
        .open(device)
        .read(0, 64 * 1024)
        .toString('hex'),
    ),
  };
}

/** Every file below a folder of the lab with its content. */
export function filesBelow(lab: Lab, folder: string): Readonly<Record<string, string>> {
  const root = path.join(lab.directory, folder);
  if (!existsSync(root)) return {};
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map(({ parentPath, name }) => path.join(parentPath, name)).sort();
  return Object.fromEntries(files.map((file) => [path.relative(root, file), readFileSync(file).toString('latin1')]));
}
