import { readFileSync } from 'node:fs';
import type { ArrayGuest } from './array-guest.ts';
import { helperProgram } from './stage.ts';

/** Where the adapter looks for the helper by default. */
const HELPER_PATH = '/usr/local/sbin/snaphook-freeze';

/** Copies the helper into the guest, as its page says. */
export async function installHelper({ output }: ArrayGuest): Promise<void> {
  await output(
    `umask 077; cat >/run/sent && mkdir -p /usr/local/sbin && install -o root -g root -m 0755 /run/sent ${HELPER_PATH} && rm /run/sent`,
    readFileSync(helperProgram()),
  );
}

/** The mount points that stand still: a second FIFREEZE is refused there; one that succeeds is taken back at once. */
export async function frozenPlaces({ output, mountPoints }: ArrayGuest): Promise<readonly string[]> {
  const found = await output(`
    for place in ${mountPoints.join(' ')}; do
      if fsfreeze -f $place 2>/dev/null; then fsfreeze -u $place; else echo $place; fi
    done`);
  return lines(found);
}

/** Processes that run the helper's `serve`, without the guards they forked, which are renamed. */
export async function keepers({ output }: ArrayGuest): Promise<number> {
  const commands = await output(`
    for comm in $(grep -slx snaphook-freeze /proc/[0-9]*/comm); do
      tr '\\0' ' ' 2>/dev/null <\${comm%comm}cmdline && echo
    done; true`);
  return lines(commands).filter((command) => command.trim() === `${HELPER_PATH} serve`).length;
}

/** Every process of the helper, and every record that it keeps while something may stand still. */
export async function helperRemains({ output }: ArrayGuest): Promise<readonly string[]> {
  return lines(
    await output("grep -sh '^snaphook-' /proc/[0-9]*/comm; find /run/snaphook -mindepth 1 2>/dev/null; true"),
  );
}

export const records = async ({ output }: ArrayGuest): Promise<number> =>
  Number(await output('find /run/snaphook -mindepth 1 2>/dev/null | wc -l'));

/** Accepted so far by the guest's SSH server. */
export const connections = async ({ output }: ArrayGuest): Promise<number> =>
  Number(await output("grep -c '^Connection from ' /run/sshd.log"));

const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');
