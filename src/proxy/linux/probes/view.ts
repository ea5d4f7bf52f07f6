import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { ProgramEnd } from '../../../platform/run-program.ts';
import { SnaphookError } from '../../../ports/errors.ts';
import { mountsBelow } from '../mounts.ts';
import { runProgram } from '../programs.ts';

/** In the folder of a disk; `release` removes it. */
export const SCRATCH = 'probe';
/** What a view needs, beside the program of the probe itself. */
export const VIEW_PROGRAMS = ['env', 'setpriv', 'unshare', 'sh', 'mount', 'chown'];
/** Where a script finds the folder of the guest. */
export const VIEW = '/mnt';

/** No account of any machine: what the probed program is allowed is what everybody is. */
const USER = 2_000_000_019;
/** Some programs want a name for their user. */
const PASSWD = `snaphook-probe:x:${USER}:${USER}::/nonexistent:/bin/false`;
/** Of the scripts: the view could not be made, which says nothing of what is to be probed. */
const NO_VIEW = 97;

/**
 * In namespaces of its own, of which nothing outlives their last process: the folder of the guest with a layer for writes on it, and
 * memory in place of the machine's temporary folders. Paths are relative, as a mount may hide where the layer lies.
 */
const MAKE_VIEW = `
{ cd "$1" && mount --bind "$2" lower &&
mount -t overlay -o nodev,nosuid,noexec,metacopy=on,lowerdir=lower,upperdir=upper,workdir=work snaphook ${VIEW} &&
mount -t tmpfs -o nodev,nosuid,noexec,mode=1777 snaphook /tmp &&
mount -t tmpfs -o nodev,nosuid,noexec,mode=1777 snaphook /dev/shm &&
echo '${PASSWD}' > /tmp/passwd && mount --bind /tmp/passwd /etc/passwd &&
cd ${VIEW} && own ${VIEW} && chmod u+rwx ${VIEW}; } || exit ${NO_VIEW}
`;

/** `own` gives what is in the view to the user of the probe; `as_probe` runs a program as that user. */
const FUNCTIONS = `
own() { chown -h ${USER}:${USER} "$@"; }
own_all() { chown -R -h -P ${USER}:${USER} "$@"; }
as_probe() { setpriv --reuid=${USER} --regid=${USER} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"; }
`;

const NAMESPACES = [
  ...['--mount', '--net', '--ipc', '--uts', '--pid', '--fork', '--kill-child'],
  ...['--mount-proc', '--propagation', 'private'],
];

/**
 * Runs a script of ours in a view of a folder; its own arguments begin at `$3`. Its programs die with this process, get nothing of its
 * environment but the PATH, and are gone, like the view, when this returns; what they wrote stays in the scratch folder. Errors: `E_PROXY` where there can be no view.
 */
export async function inView(
  { folder, scratch }: { readonly folder: string; readonly scratch: string },
  { script, args }: { readonly script: string; readonly args: readonly string[] },
  signal: AbortSignal,
): Promise<ProgramEnd> {
  for (const name of ['lower', 'upper', 'work'])
    await mkdir(path.join(scratch, name), { recursive: true, mode: 0o700 });
  const whole = `${FUNCTIONS}${MAKE_VIEW}${script}`;
  const environment = ['-i', `PATH=${process.env.PATH ?? ''}`, 'LC_ALL=C'];
  const confined = ['setpriv', '--pdeathsig', 'KILL', 'unshare', ...NAMESPACES, 'sh', '-c', whole, 'snaphook-probe'];
  const end = await runProgram('env', [...environment, ...confined, scratch, folder, ...args], signal);
  if (end.exitCode !== NO_VIEW) return end;
  throw new SnaphookError('E_PROXY', `no view of "${folder}" can be made for a probe: ${end.said}`, {
    hint: 'The kernel needs overlay (modprobe overlay), and the hand-over directory a local file system such as XFS or ext4.',
  });
}

/** What a view took; what is not there is success, and nothing that somebody mounted there is touched. */
export async function removeScratch(scratch: string): Promise<void> {
  if ((await mountsBelow(scratch)).length > 0) return;
  for (const name of await readdir(scratch).catch(() => [])) {
    if (['lower', 'upper', 'work'].includes(name)) await rm(path.join(scratch, name), { recursive: true, force: true });
  }
  await rmdir(scratch).catch(() => undefined);
}
