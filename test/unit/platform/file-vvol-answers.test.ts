import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createFileVvolAnswers } from '../../../src/platform/file-vvol-answers.ts';
import { arrayId } from '../../../src/ports/identity.ts';

const ARRAY = arrayId('000197900046');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-answers-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const FACTS = { arrayId: ARRAY, microcode: '5978.711.711', snapVxApi: 'device-list' } as const;
const answer = {
  array: ARRAY,
  microcode: '5978.711.711',
  snapVxApi: 'device-list',
  askedAt: '2026-11-26T01:00:00.000Z',
} as const;

test('an answer is remembered for its array, microcode and interface, survives the process, and the newest counts', async () => {
  const state = path.join(folder, 'state');
  const answers = createFileVvolAnswers(state);
  await answers.remember({ ...answer, takesSnapVx: false, words: 'not on virtual volumes' });
  await answers.remember({ ...answer, microcode: '5978.144.144', takesSnapVx: false, words: undefined });
  await answers.remember({ ...answer, takesSnapVx: true, words: undefined });

  const again = createFileVvolAnswers(state);
  expect(await again.recall(FACTS)).toEqual({ ...answer, takesSnapVx: true, words: undefined });
  expect(await again.recall({ ...FACTS, microcode: '5978.144.144' })).toMatchObject({ takesSnapVx: false });
  expect(await again.recall({ ...FACTS, microcode: '6079.225.0' })).toBeUndefined();
  expect(await again.recall({ ...FACTS, arrayId: arrayId('000197900047') })).toBeUndefined();
  expect(await again.recall({ ...FACTS, snapVxApi: 'storage-group' })).toBeUndefined();
});

test('nothing was ever asked on a new machine, and looking makes no file', async () => {
  expect(await createFileVvolAnswers(path.join(folder, 'none')).recall(FACTS)).toBeUndefined();
  expect(() => readFileSync(path.join(folder, 'none'))).toThrow('ENOENT');
});

test.each(['', 'not JSON', '{"version":2,"answers":[]}'])(
  'a file that says %p is no answer but an error',
  async (text) => {
    const file = path.join(folder, 'vvol-answers.json');
    writeFileSync(file, text);
    await expect(createFileVvolAnswers(folder).recall(FACTS)).rejects.toMatchObject({
      code: 'E_JOURNAL',
      message: expect.stringContaining(file),
    });
  },
);
