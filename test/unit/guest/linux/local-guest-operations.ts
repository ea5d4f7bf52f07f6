import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SnaphookError } from '../../../../src/ports/errors.ts';
import type { GuestOperations, GuestProgram } from '../../../../src/ports/guest-operations.ts';

function told(child: ChildProcess | undefined): GuestProgram {
  if (!child) return { kind: 'unknown' };
  if (child.exitCode !== null || child.signalCode !== null) return { kind: 'ended', exitCode: child.exitCode ?? 128 };
  return { kind: 'running', commandLine: child.spawnargs.join(' ') };
}

/** Guest operations on this machine, by a real bash: as VMware Tools starts a program of a Linux guest. */
export function localGuestOperations(): GuestOperations & {
  readonly children: readonly ChildProcess[];
  makeFolder: GuestOperations['makeFolder'];
} {
  const children: ChildProcess[] = [];
  return {
    children,
    login: async () => undefined,
    makeFolder: async ({ parent, prefix }) => mkdtempSync(path.join(parent ?? tmpdir(), prefix)),
    start: async (program) => {
      const line = `"${program.path}" ${program.arguments}`;
      const child = spawn('/bin/bash', ['-c', line], { stdio: 'ignore', detached: true });
      children.push(child);
      if (child.pid === undefined) throw new Error('bash did not start');
      return child.pid;
    },
    programs: async (processIds) => processIds.map((wanted) => told(children.find(({ pid }) => pid === wanted))),
    programsWith: async (text) =>
      children
        .filter(({ spawnargs }) => spawnargs.join(' ').includes(text))
        .map((child) => ({ processId: child.pid ?? 0, program: told(child) })),
    terminate: async (processId) => {
      children.find(({ pid }) => pid === processId)?.kill();
    },
    deleteFolder: async (folder) => rmSync(folder, { recursive: true, force: true }),
    write: async (file, content) => writeFileSync(file, content, { flag: 'wx' }),
    readLonger: async (file, thanBytes) => {
      try {
        return statSync(file).size > thanBytes ? readFileSync(file) : undefined;
      } catch {
        throw new SnaphookError('E_GUEST', `file "${file}" is not there`);
      }
    },
  };
}
