import fs from 'node:fs';

const changing = ['writeSync', 'ftruncateSync', 'rmSync', 'renameSync', 'writeFileSync'] as const;

/**
 * Runs an operation in a process that is killed before its n-th change of the file system; a write it is killed in is
 * half done. Nothing is changed from then on. Answers whether it was killed before the operation was through.
 */
export function runUntilKilled(changesAllowed: number, operation: () => void): boolean {
  let left = changesAllowed;
  const originalWrite = fs.writeSync;
  const spies = changing.map((name) => {
    // The arguments are handed on as they came, whichever of the functions it is.
    const original = fs[name] as (...values: unknown[]) => unknown;
    return jest.spyOn(fs, name).mockImplementation((...values: unknown[]) => {
      if (left-- > 0) return original(...values) as never;
      if (left === -1 && name === 'writeSync') writeHalf(originalWrite, values);
      throw new Error('killed');
    });
  });
  try {
    operation();
    return false;
  } catch (error) {
    if (error instanceof Error && error.message === 'killed') return true;
    throw error;
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

function writeHalf(write: typeof fs.writeSync, [descriptor, data, offset, length, position]: unknown[]): void {
  if (typeof descriptor !== 'number' || !(data instanceof Uint8Array)) throw new Error('not a write of bytes');
  write(descriptor, data, Number(offset), Math.floor(Number(length) / 2), Number(position));
}
