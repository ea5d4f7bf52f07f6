import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../platform/ensure-folder.ts';
import { insideOf } from '../platform/inside-of.ts';
import type { Images } from '../ports/images.ts';
import { exportError } from './export-error.ts';
import { syncHandOver } from './sync-hand-over.ts';

export const writeBeside: Images['writeBeside'] = async (directory, { path: relative, content }, signal) => {
  const final = insideOf(directory, relative);
  const bytes = Buffer.from(content);
  try {
    await ensureFolder(path.dirname(final));
    const handle = await open(`${final}.partial`, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
      signal.throwIfAborted();
      await rename(`${final}.partial`, final);
      await syncHandOver(directory, path.dirname(final));
    } catch (error) {
      await rm(`${final}.partial`, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw exportError(error, final);
  }
  return { path: relative, sizeBytes: bytes.length, blake2b: createHash('blake2b512').update(bytes).digest('hex') };
};
