import fsp, { type FileHandle } from 'node:fs/promises';

const CHANGING = ['mkdir', 'rename', 'rm', 'rmdir', 'open'] as const;
const CHANGING_FILES = ['write', 'writeFile', 'truncate'] as const;

/**
 * Runs an operation in a process that is killed before its n-th change of the file system; a write it is killed in is half done. Nothing is
 * changed from then on. Answers whether it was killed before the operation was through.
 */
export async function runUntilKilled(changesAllowed: number, operation: () => Promise<unknown>): Promise<boolean> {
  let left = changesAllowed;
  const files = await fileHandlePrototype();
  const writeHalf = files.write as (
    data: Buffer,
    offset: unknown,
    length: number,
    position: unknown,
  ) => Promise<unknown>;
  const spies = [
    ...CHANGING.map((name) => spyOn(fsp, name, (values) => name !== 'open' || String(values[1]).includes('w'))),
    ...CHANGING_FILES.map((name) => spyOn(files, name, () => true)),
  ];
  function spyOn<Name extends string>(
    on: Record<Name, unknown>,
    name: Name,
    changes: (values: readonly unknown[]) => boolean,
  ) {
    // The arguments are handed on as they came, whichever of the functions it is.
    const original = on[name] as (...values: unknown[]) => unknown;
    return jest.spyOn(on as Record<string, () => unknown>, name).mockImplementation(async function (
      this: unknown,
      ...values: unknown[]
    ) {
      if (!changes(values)) return original.apply(this, values);
      if (left-- > 0) return original.apply(this, values);
      const [data, offset, length, position] = values;
      if (left === -1 && name === 'write' && Buffer.isBuffer(data))
        await writeHalf.call(this as FileHandle, data, offset, Number(length) >> 1, position);
      throw new Error('killed');
    });
  }
  try {
    await operation();
    return false;
  } catch (error) {
    if (left < 0) return true;
    throw error;
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

async function fileHandlePrototype(): Promise<FileHandle> {
  const handle = await fsp.open(__filename);
  await handle.close();
  return Object.getPrototypeOf(handle);
}
