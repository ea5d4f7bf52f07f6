import { createHash } from 'node:crypto';
import { SnaphookError } from '../src/ports/errors.ts';
import type { InstallItem, InstallRequest } from './contract.ts';
import { commandInScript, hookWords } from './typed-command.ts';

/**
 * Of files that are made for one job: the job's name where it is plain, else one that no other job gets. Without dots, as sudo passes over files
 * in sudoers.d whose name has one.
 */
export function fileNameOf(job: string): string {
  const plain = job.replace(/[^A-Za-z0-9_-]+/g, '_');
  return plain === job ? job : `${plain}-${createHash('sha256').update(job).digest('hex').slice(0, 8)}`;
}

/**
 * The last line of a script: it becomes the hook. Whatever the script is called with are the product's words, so that nobody who may call it
 * can give an option of the hook.
 */
export function hookLine(request: InstallRequest, integration: string, limitSeconds?: string): string {
  return `exec ${commandInScript('linux', hookWords(integration, undefined, request, limitSeconds))} -- "$@"`;
}

interface RootScript {
  /** Absolute; what may call it by sudo is this path alone. */
  readonly path: string;
  readonly lines: readonly string[];
}

/** A script that root owns. */
export const scriptFile = ({ path, lines }: RootScript): InstallItem => ({
  kind: 'file',
  path,
  mode: 0o755,
  owner: 'root',
  content: ['#!/bin/sh', ...lines, ''].join('\n'),
});

/** A script that works as root also where its product does not: it calls itself once more by sudo. Its path is plain. */
export const selfRaisingFile = ({ path, lines }: RootScript): InstallItem =>
  scriptFile({ path, lines: [`[ "$(id -u)" = 0 ] || exec /usr/bin/sudo -n ${path} "$@"`, ...lines] });

/** Lets the product's user call these scripts as root, and nothing else. Errors: `E_USAGE` for what sudoers would read as something else. */
export function sudoersFile(name: string, user: string, scripts: readonly string[]): InstallItem {
  requirePlain('user', user, /^[A-Za-z_][\w-]*$/);
  const lines = scripts.map((script) => `${user} ALL=(root) NOPASSWD: ${script}`);
  return {
    kind: 'file',
    path: `/etc/sudoers.d/snaphook-${name}`,
    mode: 0o440,
    owner: 'root',
    content: [...lines, ''].join('\n'),
  };
}

/** Errors: `E_USAGE` where the scripts would be for another system. */
export function requireLinux({ system }: InstallRequest, title: string): void {
  if (system === 'linux') return;
  throw new SnaphookError('E_USAGE', `"${title}" is set up on Linux only`, {
    hint: 'Elsewhere a product that can call a program before and after a backup goes by the integration "generic".',
  });
}

/** Errors: `E_USAGE`, with the reason. */
export function requirePlain(setting: string, value: string, plain: RegExp, why = ''): void {
  if (plain.test(value)) return;
  throw new SnaphookError('E_USAGE', `${setting} "${value}" cannot be used there${why}`, {
    hint: 'Choose one of letters, digits, `_`, `-`, and in paths also `/` and `.`.',
  });
}

export const PLAIN_PATH = /^\/[\w./-]+$/;
