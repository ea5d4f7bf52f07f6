import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { InstallItem, InstallRequest, Integration } from '../../../integrations/contract.ts';

type InstalledFile = Extract<InstallItem, { readonly kind: 'file' }>;

/** The files that an integration would write, its script first; the program prints the words that it gets. */
export function installedFiles(
  { installation }: Integration,
  more: Partial<InstallRequest>,
): readonly [InstalledFile, InstalledFile, ...InstalledFile[]] {
  const request = {
    job: 'nightly-sql',
    program: echoProgram(),
    system: 'linux',
    configFile: undefined,
    settings: {},
  } as const;
  const [script, next, ...others] = installation.items({ ...request, ...more }).filter((item) => item.kind === 'file');
  if (!script || !next) throw new Error('two files at least are installed');
  return [script, next, ...others];
}

let folder: string | undefined;
const newFile = (name: string, content: string, mode: number): string => {
  folder ??= mkdtempSync(path.join(os.tmpdir(), 'snaphook-installed-'));
  const file = path.join(folder, name);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
};

/** With the name that a user gave it, one argument a line. */
const echoProgram = (): string => newFile('my snaphook', '#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n', 0o755);

/** What the program at the end of the script is called with, as root is. */
export function shellRunsScript(content: string, words: readonly string[]): readonly string[] {
  const asRoot = content.replaceAll('$(id -u)', '0');
  const script = newFile('script', asRoot, 0o755);
  return execFileSync(script, words, { encoding: 'utf8', env: {}, cwd: '/' }).split('\n').slice(0, -1);
}

/** Undefined where there is no sudo to ask. */
export function visudoAccepts(content: string): boolean {
  const visudo = ['/usr/sbin/visudo', '/usr/bin/visudo'].find(existsSync);
  if (visudo === undefined) return /^(\S+ ALL=\(root\) NOPASSWD: \/[\w./-]+\n)+$/.test(content);
  return spawnSync(visudo, ['-c', '-f', newFile('sudoers', content, 0o440)]).status === 0;
}
