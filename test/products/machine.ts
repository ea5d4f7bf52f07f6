import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Integration } from '../../integrations/contract.ts';
import { must, newFolder } from '../files/stage.ts';
import { SNAPHOOK } from './product-site.ts';

/** What is written below the folder from now on is seen by this suite alone, and is gone with it. */
export function ownFolder(folder: string): void {
  const changes = newFolder('changes');
  must('mount', ['-t', 'tmpfs', 'tmpfs', changes]);
  for (const name of ['upper', 'work']) mkdirSync(path.join(changes, name));
  const layers = `lowerdir=${folder},upperdir=${changes}/upper,workdir=${changes}/work`;
  must('mount', ['-t', 'overlay', 'overlay', '-o', layers, folder]);
}

/** An empty folder of that user in its place. */
export function emptyFolder(folder: string, user: string): void {
  must('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
  must('chmod', ['755', folder]);
  must('chown', [user, folder]);
}

export interface Installation {
  readonly job: string;
  readonly configFile: string;
  readonly settings?: Readonly<Record<string, string>>;
}

/** Installs the files, and returns the lines for configurations of the product in the order of its guide. */
export function install({ name, installation }: Integration, { job, configFile, settings = {} }: Installation) {
  const given = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  must(SNAPHOOK, ['install', name, '--job', job, '--config', configFile, '--program', SNAPHOOK, ...given]);
  const request = { job, program: SNAPHOOK, system: 'linux', configFile, settings } as const;
  return installation.items(request).flatMap((item) => (item.kind === 'lines' ? [item.text] : []));
}

export interface Ended {
  readonly exitCode: number | null;
  /** stdout and stderr. */
  readonly said: string;
}

/** The lab answers meanwhile. */
export function runAs(user: string, command: readonly string[]): Promise<Ended> {
  const child = spawn('runuser', ['-u', user, '--', ...command], { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, said }));
  });
}
