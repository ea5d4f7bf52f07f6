import * as z from 'zod';
import type { EstablishTime, EstablishTimes } from '../ports/establish-times.ts';
import { arrayId } from '../ports/identity.ts';
import { readRemembered, writeRemembered } from './remembered-file.ts';

/** Of one array and taker: what is older says little about the array of today. */
const KEPT = 200;

const storedTime = z.strictObject({
  array: z.string().regex(/^\d{12}$/),
  by: z.enum(['device-list', 'storage-group', 'vm-snapshot']),
  devices: z.number().int().min(1),
  tookMs: z.number().min(0),
  answered: z.boolean(),
  at: z.iso.datetime(),
});
type StoredTime = z.infer<typeof storedTime>;

/** Those of version 1 do not say what took the snapshot. They are measured again. */
const olderTimes = z.object({ version: z.literal(1) }).transform(() => ({ version: 2 as const, times: [] }));

/** The times in one file of the state directory. Of two processes that write at the same moment one time may be lost: they are samples. */
export function createFileEstablishTimes(folder: string): EstablishTimes {
  const file = {
    folder,
    name: 'establish-times.json',
    schema: z.union([z.strictObject({ version: z.literal(2), times: z.array(storedTime) }), olderTimes]),
    hint: 'It remembers how long arrays took for their snapshots. Correct its rights or remove it; runs measure again.',
  };
  const times = async () => (await readRemembered(file))?.times ?? [];
  return {
    recall: async (wanted) => (await times()).filter((time) => isOf(time, wanted)).map(timeOf),
    async remember(time) {
      const all = [...(await times()), time];
      const same = all.filter((one) => isOf(one, time));
      const old = new Set(same.slice(0, -KEPT));
      await writeRemembered(file, { version: 2, times: all.filter((one) => !old.has(one)) });
    },
  };
}

const isOf = (time: StoredTime, { array, by }: Parameters<EstablishTimes['recall']>[0]) =>
  time.array === array && time.by === by;

const timeOf = ({ array, ...rest }: StoredTime): EstablishTime => ({ ...rest, array: arrayId(array) });
