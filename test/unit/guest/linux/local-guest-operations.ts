import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { SnaphookError } from '../../../../src/ports/errors.ts';
import type { GuestOperations } from '../../../../src/ports/guest-operations.ts';

/** Guest operations on this machine, by a real bash: as VMware Tools starts a program of a Linux guest. */
export function localGuestOperations(): GuestOperations & { readonly children: readonly ChildProcess[] } {
  const children: ChildProcess[] = [];
  return {
    children,
    login: async () => undefined,
    makeFolder: async ({ parent, prefix }) => mkdtempSync(path.join(parent, prefix)),
    start: async (program) => {
      const line = `"${program.path}" ${program.arguments}`;
      const child = spawn('/bin/bash', ['-c', line], { stdio: 'ignore', detached: true });
      children.push(child);
      if (child.pid === undefined) throw new Error('bash did not start');
      return child.pid;
    },
    program: async (processId) => {
      const child = children.find(({ pid }) => pid === processId);
      if (!child) return { kind: 'unknown' };
      if (child.exitCode === null && child.signalCode === null) return { kind: 'running' };
      return { kind: 'ended', exitCode: child.exitCode ?? 128 };
    },
    readLonger: async (file, thanBytes) => {
      try {
        return statSync(file).size > thanBytes ? readFileSync(file) : undefined;
      } catch {
        throw new SnaphookError('E_GUEST', `file "${file}" is not there`);
      }
    },
  };
}
