import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { FstabEntry } from '../../ports/file-systems.ts';

/** Where a system's own table lies: at the root, or in the subvolume that Ubuntu, openSUSE or Debian make the root. */
const PLACES = ['etc/fstab', '@/etc/fstab', '@rootfs/etc/fstab'];
/** Far above any table. */
const MAX_BYTES = 256 * 1024;

/** The table of the system on a mounted file system; empty where there is none. Links of the image must not lead to files of this machine. */
export async function readFstab(mountPoint: string): Promise<readonly FstabEntry[]> {
  for (const place of PLACES) {
    const file = path.join(mountPoint, place);
    const real = await realpath(file).catch(() => undefined);
    if (real !== file) continue;
    const stats = await stat(real).catch(() => undefined);
    if (!stats?.isFile() || stats.size > MAX_BYTES) continue;
    return parseFstab(await readFile(real, 'utf8').catch(() => ''));
  }
  return [];
}

/** As fstab(5) has it: source and mount point are the first two words; blanks in them are written as `\040`. */
export function parseFstab(text: string): readonly FstabEntry[] {
  return text.split('\n').flatMap((line) => {
    const [source = '', mountPoint = '', , options = ''] = line.trim().split(/\s+/).map(unescaped);
    if (source.startsWith('#') || !mountPoint.startsWith('/')) return [];
    const [, subvolume] = /(?:^|,)subvol=\/?([^,]+)/.exec(options) ?? [];
    return [{ source: unquoted(source), mountPoint, subvolume }];
  });
}

const unescaped = (word: string): string =>
  word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** `UUID="…"` is allowed, too. */
const unquoted = (source: string): string => source.replace(/^([A-Z]+)="(.*)"$/, '$1=$2');
