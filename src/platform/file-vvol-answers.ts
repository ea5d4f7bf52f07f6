import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { SnaphookError } from '../ports/errors.ts';
import { arrayId } from '../ports/identity.ts';
import type { VvolAnswer, VvolAnswers } from '../ports/vvol-answers.ts';
import { ensureFolder } from './ensure-folder.ts';
import { syncFolder } from './sync-folder.ts';
import { systemErrorCode } from './system-error.ts';

const FILE_NAME = 'vvol-answers.json';

const storedAnswer = z.strictObject({
  array: z.string().regex(/^\d{12}$/),
  microcode: z.string(),
  snapVxApi: z.enum(['device-list', 'storage-group']),
  takesSnapVx: z.boolean(),
  askedAt: z.iso.datetime(),
  words: z.string().optional(),
});
const storedFile = z.strictObject({ version: z.literal(1), answers: z.array(storedAnswer) });
type StoredAnswer = z.infer<typeof storedAnswer>;

/** The answers in one file of the state directory; the newest of an array, release and interface counts. */
export function createFileVvolAnswers(folder: string): VvolAnswers {
  const file = path.join(folder, FILE_NAME);
  return {
    async recall(facts) {
      const found = (await readAnswers(file)).find((answer) => isOf(answer, facts));
      return found && answerOf(found);
    },
    async remember({ array, microcode, snapVxApi, takesSnapVx, askedAt, words }) {
      const others = (await readAnswers(file)).filter(
        (answer) => !isOf(answer, { arrayId: array, microcode, snapVxApi }),
      );
      const answer: StoredAnswer = {
        array,
        microcode,
        snapVxApi,
        takesSnapVx,
        askedAt,
        ...(words === undefined ? {} : { words }),
      };
      await writeWhole(folder, file, `${JSON.stringify({ version: 1, answers: [...others, answer] }, undefined, 2)}\n`);
    },
  };
}

const isOf = (answer: StoredAnswer, { arrayId: array, microcode, snapVxApi }: Parameters<VvolAnswers['recall']>[0]) =>
  answer.array === array && answer.microcode === microcode && answer.snapVxApi === snapVxApi;

const answerOf = ({ array, words, ...rest }: StoredAnswer): VvolAnswer => ({ ...rest, array: arrayId(array), words });

async function readAnswers(file: string): Promise<readonly StoredAnswer[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return [];
    throw broken(file, `cannot be read (${systemErrorCode(cause)})`, cause);
  }
  try {
    return storedFile.parse(JSON.parse(text)).answers;
  } catch (cause) {
    throw broken(file, 'is not what this version of snaphook writes', cause);
  }
}

async function writeWhole(folder: string, file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  try {
    await ensureFolder(folder, 0o700);
    const handle = await open(draft, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
    await syncFolder(folder);
  } catch (cause) {
    throw broken(file, `cannot be written (${systemErrorCode(cause)})`, cause);
  }
}

const broken = (file: string, why: string, cause: unknown) =>
  new SnaphookError('E_JOURNAL', `file "${file}" ${why}`, {
    cause,
    hint: 'It remembers what `snaphook doctor --probe` found. Correct its rights or remove it, then probe again.',
  });
