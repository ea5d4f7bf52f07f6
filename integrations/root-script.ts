import { createHash } from 'node:crypto';
import { SnaphookError } from '../src/ports/errors.ts';
import type { InstallItem, InstallRequest } from './contract.ts';
import { shellWord } from './quoting.ts';

/** Folder of scripts that products call, where a product has none of its own for them. */
export const SCRIPTS = '/usr/local/lib/snaphook';

/**
 * Of files that are made for one job: the job's name where it is plain, else one that no other job gets. Without dots, as sudo passes over files
 * in sudoers.d whose name has one.
 */
export function fileNameOf(job: string): string {
  const plain = job.replace(/[^A-Za-z0-9_-]+/g, '_');
  return plain === job ? job : `${plain}-${createHash('sha256').update(job).digest('hex').slice(0, 8)}`;
}

/**
 * The command line of a hook for /bin/sh. `more`: options as they are. Of what the script is called with everything is the product's own,
 * so that nobody who may call it can give an option of the hook.
 */
export function hookLine({ job, program, configFile }: InstallRequest, integration: string, more: string): string {
  const words = [program, 'hook', '--integration', integration, `--job=${job}`];
  if (configFile !== undefined) words.push(`--config=${configFile}`);
  return `exec ${words.map(shellWord).join(' ')}${more} -- "$@"`;
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

/** A script that works as root also where its product does not: it calls itself once more by sudo. */
export const selfRaisingFile = ({ path, lines }: RootScript): InstallItem =>
  scriptFile({ path, lines: ['[ "$(id -u)" = 0 ] || exec /usr/bin/sudo -n "$0" "$@"', ...lines] });

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

/** Errors: `E_USAGE`, with the reason. */
export function requirePlain(setting: string, value: string, plain: RegExp, why = ''): void {
  if (plain.test(value)) return;
  throw new SnaphookError('E_USAGE', `${setting} "${value}" cannot be used there${why}`, {
    hint: 'Choose one of letters, digits, `_`, `-`, and in paths also `/` and `.`.',
  });
}

export const PLAIN_PATH = /^\/[\w./-]+$/;
