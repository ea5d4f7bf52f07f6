import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const FOLDER_PREFIX = 'snaphook-krb-';
/** Longer than the programs may take that work in one. */
const LEFT_AFTER_MS = 600_000;

/** A folder that nobody else can read, for as long as the work takes. */
export async function inPrivateFolder<Result>(now: Date, work: (folder: string) => Promise<Result>): Promise<Result> {
  await removeLeftFolders(now);
  const folder = await mkdtemp(path.join(tmpdir(), FOLDER_PREFIX));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whoever was killed while a ticket was fetched has left its folder. */
async function removeLeftFolders(now: Date): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const folder = path.join(tmpdir(), name);
    const found = await lstat(folder).catch(() => undefined);
    if (!found?.isDirectory() || found.uid !== process.getuid?.()) continue;
    if (now.getTime() - found.mtimeMs > LEFT_AFTER_MS) await rm(folder, { recursive: true, force: true });
  }
}
