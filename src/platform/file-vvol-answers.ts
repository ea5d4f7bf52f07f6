import * as z from 'zod';
import { arrayId } from '../ports/identity.ts';
import type { VvolAnswer, VvolAnswers } from '../ports/vvol-answers.ts';
import { readRemembered, writeRemembered } from './remembered-file.ts';

const storedAnswer = z.strictObject({
  array: z.string().regex(/^\d{12}$/),
  microcode: z.string(),
  snapVxApi: z.enum(['device-list', 'storage-group']),
  takesSnapVx: z.boolean(),
  askedAt: z.iso.datetime(),
  words: z.string().optional(),
});
type StoredAnswer = z.infer<typeof storedAnswer>;

/** The answers in one file of the state directory; the newest of an array, release and interface counts. */
export function createFileVvolAnswers(folder: string): VvolAnswers {
  const file = {
    folder,
    name: 'vvol-answers.json',
    schema: z.strictObject({ version: z.literal(1), answers: z.array(storedAnswer) }),
    hint: 'It remembers what `snaphook doctor --probe` found. Correct its rights or remove it, then probe again.',
  };
  const answers = async () => (await readRemembered(file))?.answers ?? [];
  return {
    async recall(facts) {
      const found = (await answers()).find((answer) => isOf(answer, facts));
      return found && answerOf(found);
    },
    async remember({ array, microcode, snapVxApi, takesSnapVx, askedAt, words }) {
      const others = (await answers()).filter((answer) => !isOf(answer, { arrayId: array, microcode, snapVxApi }));
      const answer: StoredAnswer = {
        array,
        microcode,
        snapVxApi,
        takesSnapVx,
        askedAt,
        ...(words === undefined ? {} : { words }),
      };
      await writeRemembered(file, { version: 1, answers: [...others, answer] });
    },
  };
}

const isOf = (answer: StoredAnswer, { arrayId: array, microcode, snapVxApi }: Parameters<VvolAnswers['recall']>[0]) =>
  answer.array === array && answer.microcode === microcode && answer.snapVxApi === snapVxApi;

const answerOf = ({ array, words, ...rest }: StoredAnswer): VvolAnswer => ({ ...rest, array: arrayId(array), words });
