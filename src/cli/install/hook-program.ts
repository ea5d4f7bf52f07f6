import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import type { InstallItem } from '../../../integrations/contract.ts';
import { SnaphookError } from '../../ports/errors.ts';

type System = 'linux' | 'windows';

/** With a drive or a server: what begins with one backslash alone depends on who calls. */
const ABSOLUTE: Readonly<Record<System, RegExp>> = { linux: /^\//, windows: /^([A-Za-z]:[\\/]|\\\\[^\\])/ };

/** Products call hooks from whatever folder they are in. Errors: `E_USAGE` for a path that depends on it, or is one of another system. */
export function requireAbsolute(what: string, file: string, system: System): void {
  if (ABSOLUTE[system].test(file)) return;
  throw new SnaphookError('E_USAGE', `${what} "${file}" is no absolute path on ${system}`, {
    hint: 'Give it as it is on the machine where the hooks run, or run this there.',
  });
}

/** Whether one of the files lets somebody else call a script as root. */
export const hasSudoRule = (items: readonly InstallItem[]): boolean =>
  items.some((item) => item.kind === 'file' && item.path.startsWith('/etc/sudoers.d/'));

/**
 * A program that a user calls as root through sudo is root's in every part of its path, before and behind a link.
 * Errors: `E_USAGE` for one that is not there, or that somebody else could change.
 */
export function requireProgramOfRoot(program: string): void {
  if (!statSync(program, { throwIfNoEntry: false })?.isFile()) {
    throw new SnaphookError('E_USAGE', `the program "${program}" for the hook is not there`, {
      hint: 'Give --program as the absolute path of snaphook on this machine.',
    });
  }
  const parts = [program, realpathSync(program)].flatMap(withItsFolders);
  const changeable = parts.find(canOthersChange);
  if (changeable === undefined) return;
  throw new SnaphookError(
    'E_USAGE',
    `"${changeable}", of the program for a script that sudo runs, is writable for others than root`,
    {
      hint: 'Install snaphook where root alone can write, such as /usr/bin, and give that as --program.',
    },
  );
}

function withItsFolders(file: string): readonly string[] {
  const folder = path.dirname(file);
  return folder === file ? [file] : [file, ...withItsFolders(folder)];
}

/** In a folder with the sticky bit others cannot replace what is root's. */
function canOthersChange(file: string): boolean {
  const stats = statSync(file);
  const { uid, gid, mode } = stats;
  const isSticky = stats.isDirectory() && (mode & 0o1000) !== 0;
  const isGroups = (mode & 0o020) !== 0 && gid !== 0;
  return uid !== 0 || (!isSticky && (isGroups || (mode & 0o002) !== 0));
}
