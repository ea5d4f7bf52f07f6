import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createFileEstablishTimes } from '../../../src/platform/file-establish-times.ts';
import { arrayId } from '../../../src/ports/identity.ts';

const ARRAY = arrayId('000197900046');
const FACTS = { array: ARRAY, by: 'device-list' } as const;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-times-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const time = (tookMs: number, changes: object = {}) => ({
  array: ARRAY,
  by: 'device-list' as const,
  devices: 2,
  tookMs,
  answered: true,
  at: '2026-11-26T01:00:00.000Z',
  ...changes,
});

test('the last 200 times of an array and interface survive the process, and others do not push them out', async () => {
  const times = createFileEstablishTimes(path.join(folder, 'state'));
  expect(await times.recall(FACTS)).toEqual([]);
  await times.remember(time(7, { array: arrayId('000197900047') }));
  await times.remember(time(8, { by: 'storage-group' }));
  for (let tookMs = 1; tookMs <= 205; tookMs += 1) await times.remember(time(tookMs));

  const again = createFileEstablishTimes(path.join(folder, 'state'));
  const kept = await again.recall(FACTS);
  expect(kept.map(({ tookMs }) => tookMs)).toEqual(Array.from({ length: 200 }, (_, index) => index + 6));
  expect(kept[199]).toEqual(time(205));
  expect(await again.recall({ ...FACTS, by: 'storage-group' })).toEqual([time(8, { by: 'storage-group' })]);
  expect(await again.recall({ ...FACTS, array: arrayId('000197900047') })).toHaveLength(1);
});

test('a file that is broken is an error that names it', async () => {
  const file = path.join(folder, 'establish-times.json');
  writeFileSync(file, '{"version":2,"times":[{"tookMs":-1}]}');
  await expect(createFileEstablishTimes(folder).recall(FACTS)).rejects.toMatchObject({
    code: 'E_JOURNAL',
    message: expect.stringContaining(file),
  });
});

test('what an older version of snaphook remembered is no error; it is measured again', async () => {
  const times = createFileEstablishTimes(folder);
  writeFileSync(path.join(folder, 'establish-times.json'), '{"version":1,"times":[{"snapVxApi":"device-list"}]}');
  expect(await times.recall(FACTS)).toEqual([]);

  await times.remember(time(7));
  expect(await times.recall(FACTS)).toEqual([time(7)]);
});
