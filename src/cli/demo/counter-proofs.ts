import { checkDatabase, isConsistent } from '../../lab/guest/database-check.ts';
import type { Lab } from '../../lab/lab.ts';
import { snapshotDevice } from './database-images.ts';

const SPLIT_TRIES = 20;
const MAX_PAUSE_MS = 40;

export interface SplitEstablish {
  readonly tries: number;
  /** Copies whose database is damaged or has lost its invariant. */
  readonly corrupt: number;
}

/**
 * The check must be able to fail: one establish for each disk, moments apart, while the application writes. The copies then
 * show two points in time, which no journal can mend.
 */
export async function splitEstablish(lab: Lab): Promise<SplitEstablish> {
  const { database, journal } = lab.databaseDevices;
  let corrupt = 0;
  for (let attempt = 0; attempt < SPLIT_TRIES; attempt += 1) {
    const name = `split-${attempt}`;
    const [first, second] = attempt % 2 === 0 ? [journal, database] : [database, journal];
    lab.store.establish({ name, devices: [first] });
    await lab.pause(Math.random() * MAX_PAUSE_MS);
    lab.store.establish({ name, devices: [second] });
    const check = await checkDatabase(snapshotDevice(lab, database, name), snapshotDevice(lab, journal, name));
    if (!isConsistent(check)) corrupt += 1;
    for (const device of [database, journal])
      lab.store.terminate({ name, select: { generation: 0 }, devices: [device] });
  }
  return { tries: SPLIT_TRIES, corrupt };
}
