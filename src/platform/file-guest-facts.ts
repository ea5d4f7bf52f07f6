import * as z from 'zod';
import type { GuestFactsStore } from '../ports/guest-facts.ts';
import { instanceUuid } from '../ports/identity.ts';
import { readRemembered, writeRemembered } from './remembered-file.ts';

const storedFacts = z.strictObject({
  vm: z.string().min(1).transform(instanceUuid),
  helper: z.string().nullable(),
  diskshadow: z.boolean().nullable(),
  exchange: z.boolean().nullable(),
  at: z.iso.datetime(),
});

/** The facts in one file of the state directory. Of two processes that write at the same moment one may win: they are looked up again. */
export function createFileGuestFacts(folder: string): GuestFactsStore {
  const file = {
    folder,
    name: 'guest-facts.json',
    schema: z.strictObject({ version: z.literal(1), guests: z.array(storedFacts) }),
    hint: 'It remembers what `snaphook doctor` found in guests. Correct its rights or remove it, then run doctor again.',
  };
  const recall: GuestFactsStore['recall'] = async () =>
    new Map(((await readRemembered(file))?.guests ?? []).map((facts) => [facts.vm, facts]));
  return {
    recall,
    async remember(facts) {
      if (facts.length === 0) return;
      const all = new Map([...(await recall()), ...facts.map((one) => [one.vm, one] as const)]);
      await writeRemembered(file, { version: 1, guests: [...all.values()] });
    },
  };
}
