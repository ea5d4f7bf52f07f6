import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GuestFileNotFound, type GuestOperations, type GuestProgram } from '../../src/ports/guest-operations.ts';
import { type WineMachine, wineName } from './wine-helper-world.ts';

const fileOf = (name: string) => name.replace(/^Z:/, '').replaceAll('\\', '/');

/** As CommandLineToArgvW reads them, without quotes inside of words. */
const wordsOf = (line: string) =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

/** Guest operations of a machine whose one program is the helper for Windows, run by Wine. */
export function wineGuestOperations(machine: WineMachine): GuestOperations & { running(): number } {
  const children: { readonly child: ChildProcess; readonly commandLine: string }[] = [];
  const told = (started: (typeof children)[number] | undefined): GuestProgram => {
    if (!started) return { kind: 'unknown' };
    const { child, commandLine } = started;
    if (child.exitCode !== null || child.signalCode !== null) return { kind: 'ended', exitCode: child.exitCode ?? 1 };
    return { kind: 'running', commandLine };
  };
  return {
    running: () => children.filter((started) => told(started).kind === 'running').length,
    login: async () => undefined,
    makeFolder: async ({ prefix }) => wineName(mkdtempSync(path.join(tmpdir(), prefix))),
    deleteFolder: async (folder) => rmSync(fileOf(folder), { recursive: true, force: true }),
    start: async (program) => {
      if (program.path !== machine.helperPath) throw new GuestFileNotFound('E_GUEST', `no "${program.path}"`);
      const child = machine.program(wordsOf(program.arguments));
      children.push({ child, commandLine: `"${program.path}" ${program.arguments}` });
      if (child.pid === undefined) throw new Error('Wine did not start');
      return child.pid;
    },
    programs: async (processIds) =>
      processIds.map((wanted) => told(children.find(({ child }) => child.pid === wanted))),
    programsWith: async (text) =>
      children
        .filter(({ commandLine }) => commandLine.includes(text))
        .map((started) => ({ processId: started.child.pid ?? 0, program: told(started) })),
    terminate: async (processId) => {
      children.find(({ child }) => child.pid === processId)?.child.kill('SIGKILL');
    },
    readLonger: async (name, thanBytes) => {
      const file = fileOf(name);
      if (!existsSync(file)) throw new GuestFileNotFound('E_GUEST', `no "${name}"`);
      return statSync(file).size > thanBytes ? readFileSync(file) : undefined;
    },
    write: async (name, content) => writeFileSync(fileOf(name), content, { flag: 'wx' }),
  };
}
