import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { runProgram } from './programs.ts';
import { isRoot } from './user.ts';

export interface Mount {
  readonly mountPoint: string;
  readonly device: string;
  /** Such as `ext4` or `fuse.ext4`. */
  readonly type: string;
}

/** What is mounted at the folder or below it in this process's view, oldest first. */
export async function mountsBelow(folder: string): Promise<readonly Mount[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return parseMountinfo(text).filter(
    ({ mountPoint }) => mountPoint === folder || mountPoint.startsWith(`${folder}${path.sep}`),
  );
}

/** Has that process the same mounts as this one, namespaces(7)? Undefined: this one may not know, or it is gone. */
export async function seesMountsOf(pid: number): Promise<boolean | undefined> {
  const [own, other] = await Promise.all(
    ['self', pid].map((process) => readlink(`/proc/${process}/ns/mnt`).catch(() => undefined)),
  );
  return own === undefined || other === undefined ? undefined : own === other;
}

/** Fields as proc(5) has them: the mount point is the fifth, the type the first after the dash, the device the second. */
export function parseMountinfo(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const words = line.split(' ');
    const dash = words.indexOf('-', 6);
    const mountPoint = words[4];
    const type = words[dash + 1];
    const device = words[dash + 2];
    return dash < 0 || mountPoint === undefined || type === undefined || device === undefined
      ? []
      : [{ mountPoint: unescaped(mountPoint), device: unescaped(device), type }];
  });
}

/** Blanks and backslashes are written as `\040` and the like. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

const BUSY_MS = 10_000;
const PAUSE_MS = 250;

/** Whoever read files a moment ago may need one to close them; who goes on is told by name. */
export async function unmount(mountPoint: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const untilMs = clock.monotonicMs() + BUSY_MS;
  for (;;) {
    const { exitCode, said } = isRoot()
      ? await runProgram('umount', [mountPoint], signal)
      : await runProgram('fusermount', ['-u', mountPoint], signal);
    if (exitCode === 0 || !(await isMounted(mountPoint))) return;
    if (clock.monotonicMs() > untilMs) {
      const users = await usersOf(mountPoint);
      throw new SnaphookError('E_PROXY', `"${mountPoint}" cannot be unmounted: ${users || said}`, {
        hint: 'End what still reads there, then run the post hook again or `snaphook reap --apply`.',
      });
    }
    await clock.sleep(PAUSE_MS, signal);
  }
}

const isMounted = async (mountPoint: string): Promise<boolean> =>
  (await mountsBelow(mountPoint)).some((mount) => mount.mountPoint === mountPoint);

const MAX_USERS = 5;

/** Programs, or those of one name, that work there or have files open there, in a mount or a device; empty where none is seen. */
export async function usersOf(mountPoint: string, program?: string): Promise<string> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
    if (program !== undefined && name !== program) continue;
    if (!(await usesFilesBelow(pid, mountPoint))) continue;
    found.push(`${name} (${pid})`);
    if (found.length === MAX_USERS) break;
  }
  return found.length === 0 ? '' : `in use by ${found.join(', ')}`;
}

async function usesFilesBelow(pid: string, folder: string): Promise<boolean> {
  const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = ['cwd', 'root', ...open.map((name) => `fd/${name}`)];
  const files = await Promise.all(links.map((link) => readlink(`/proc/${pid}/${link}`).catch(() => '')));
  return files.some((file) => file === folder || file.startsWith(`${folder}/`));
}
