import { existsSync } from 'node:fs';
import { readdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { SnaphookError } from '../ports/errors.ts';
import type { HelperFiles } from '../ports/guest-helper.ts';

/** Where the Debian package has them. */
const PACKAGED = '/usr/lib/snaphook/guest';

/** The folder with the helpers for guests: the named one, the one beside the executable, or that of the package; undefined: none. */
export async function helperFolder(named: string | undefined): Promise<string | undefined> {
  if (named !== undefined) return path.resolve(named);
  const beside = path.join(path.dirname(await realpath(process.execPath)), 'guest');
  return [beside, PACKAGED].find((folder) => existsSync(folder));
}

/** The helpers in a folder that has one folder for each kind of guest, such as `windows-x64`. */
export const helperFilesIn =
  (folder: string): HelperFiles =>
  async (kind) => {
    const place = path.join(folder, kind);
    try {
      const found = await readdir(place, { recursive: true, withFileTypes: true });
      return await Promise.all(
        found
          .filter((entry) => entry.isFile())
          .map(async (entry) => {
            const file = path.join(entry.parentPath, entry.name);
            return { name: path.relative(place, file).replaceAll(path.sep, '/'), content: await readFile(file) };
          }),
      );
    } catch (cause) {
      throw new SnaphookError('E_CONFIG', `the helper for ${kind} cannot be read from "${place}"`, {
        cause,
        hint: `Name the folder that has ${kind} in it by --from.`,
      });
    }
  };
