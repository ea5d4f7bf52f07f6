import * as z from 'zod';
import type { EstablishTime, EstablishTimes } from '../ports/establish-times.ts';
import { arrayId } from '../ports/identity.ts';
import { readRemembered, writeRemembered } from './remembered-file.ts';

/** Of one array and interface: what is older says little about the array of today. */
const KEPT = 200;

const storedTime = z.strictObject({
  array: z.string().regex(/^\d{12}$/),
  snapVxApi: z.enum(['device-list', 'storage-group']),
  devices: z.number().int().min(1),
  tookMs: z.number().min(0),
  answered: z.boolean(),
  at: z.iso.datetime(),
});
type StoredTime = z.infer<typeof storedTime>;

/** The times in one file of the state directory. Of two processes that write at the same moment one time may be lost: they are samples. */
export function createFileEstablishTimes(folder: string): EstablishTimes {
  const file = {
    folder,
    name: 'establish-times.json',
    schema: z.strictObject({ version: z.literal(1), times: z.array(storedTime) }),
    hint: 'It remembers how long arrays took for their snapshots. Correct its rights or remove it; runs measure again.',
  };
  const times = async () => (await readRemembered(file))?.times ?? [];
  return {
    recall: async (facts) => (await times()).filter((time) => isOf(time, facts)).map(timeOf),
    async remember(time) {
      const all = [...(await times()), time];
      const same = all.filter((one) => isOf(one, { arrayId: time.array, snapVxApi: time.snapVxApi }));
      const old = new Set(same.slice(0, -KEPT));
      await writeRemembered(file, { version: 1, times: all.filter((one) => !old.has(one)) });
    },
  };
}

const isOf = (time: StoredTime, { arrayId: array, snapVxApi }: Parameters<EstablishTimes['recall']>[0]) =>
  time.array === array && time.snapVxApi === (snapVxApi ?? 'device-list');

const timeOf = ({ array, ...rest }: StoredTime): EstablishTime => ({ ...rest, array: arrayId(array) });
