import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import type * as z from 'zod';
import { SnaphookError } from '../ports/errors.ts';
import { ensureFolder } from './ensure-folder.ts';
import { syncFolder } from './sync-folder.ts';
import { systemErrorCode } from './system-error.ts';

/** A small JSON document of the state directory. */
export interface RememberedFile<Schema extends z.ZodType> {
  readonly folder: string;
  readonly name: string;
  readonly schema: Schema;
  /** What it is good for, for whoever finds it broken. */
  readonly hint: string;
}

/** Undefined when there is no such file. Errors: `E_JOURNAL`. */
export async function readRemembered<Schema extends z.ZodType>(
  file: RememberedFile<Schema>,
): Promise<z.infer<Schema> | undefined> {
  let text: string;
  try {
    text = await readFile(pathOf(file), 'utf8');
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return undefined;
    throw broken(file, `cannot be read (${systemErrorCode(cause)})`, cause);
  }
  try {
    return file.schema.parse(JSON.parse(text));
  } catch (cause) {
    throw broken(file, 'is not what this version of snaphook writes', cause);
  }
}

/** Replaces it as a whole; whoever reads meanwhile finds the old or the new one. Errors: `E_JOURNAL`. */
export async function writeRemembered<Schema extends z.ZodType>(
  file: RememberedFile<Schema>,
  document: z.infer<Schema>,
): Promise<void> {
  const draft = `${pathOf(file)}.${process.pid}.new`;
  try {
    await ensureFolder(file.folder, 0o700);
    const handle = await open(draft, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(document, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, pathOf(file));
    await syncFolder(file.folder);
  } catch (cause) {
    throw broken(file, `cannot be written (${systemErrorCode(cause)})`, cause);
  }
}

const pathOf = ({ folder, name }: Pick<RememberedFile<z.ZodType>, 'folder' | 'name'>) => path.join(folder, name);

const broken = (file: RememberedFile<z.ZodType>, why: string, cause: unknown) =>
  new SnaphookError('E_JOURNAL', `file "${pathOf(file)}" ${why}`, { cause, hint: file.hint });
