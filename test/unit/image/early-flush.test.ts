import { EarlyFlush } from '../../../src/image/early-flush.ts';

const MIB = 1024 * 1024;

/** A file whose flushes end when they are told to. */
function fileOf() {
  const ends: { resolve(): void; reject(error: Error): void }[] = [];
  const datasync = () => new Promise<void>((resolve, reject) => ends.push({ resolve, reject }));
  return { ends, flush: new EarlyFlush({ datasync }) };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

test('a file is flushed while it grows, one flush at a time', async () => {
  const { ends, flush } = fileOf();
  flush.written(63 * MIB);
  expect(ends).toHaveLength(0);
  flush.written(64 * MIB);
  flush.written(300 * MIB);
  expect(ends).toHaveLength(1);
  ends[0]?.resolve();
  await turns();
  flush.written(310 * MIB);
  expect(ends).toHaveLength(2);

  const ended = jest.fn();
  void flush.end().then(ended);
  await turns();
  expect(ended).not.toHaveBeenCalled();
  ends[1]?.resolve();
  await turns();
  expect(ended).toHaveBeenCalled();
});

test('a flush that failed is told at the end, and none is tried again', async () => {
  const { ends, flush } = fileOf();
  flush.written(64 * MIB);
  ends[0]?.reject(new Error('EIO'));
  await turns();
  flush.written(999 * MIB);

  expect(ends).toHaveLength(1);
  await expect(flush.end()).rejects.toThrow('EIO');
});
