import { type FaultSite, openFaultSite } from './fault-site.ts';
import { RECOVERIES } from './run-case.ts';
import { twoFaultsInPost, twoFaultsInUndoOfPre, type UndoPair } from './two-faults.ts';

let site: FaultSite;
beforeAll(async () => {
  site = await openFaultSite('windows job');
});
afterAll(() => site.close());

const PAIRS: readonly UndoPair[] = [
  ['PUT storagegroup', 'DELETE private/snapshot'],
  ['PUT storagegroup', 'PUT private/snapshot Unlink'],
];
const CASES = PAIRS.flatMap((pair) => RECOVERIES.map((recovery) => [...pair, recovery] as const));

test.each(CASES)('post cannot undo %s and %s: both are told, journaled, and gone after %s', async (one, other, way) => {
  const { error, messages, undoErrors, listedErrors, problems } = await twoFaultsInPost(site, [one, other], way);

  expect(error?.code).toBe('E_LEFTOVERS');
  for (const message of messages) {
    expect(error?.message).toContain(message);
    expect(undoErrors.join()).toContain(message);
    expect(listedErrors.join()).toContain(message);
  }
  expect(problems).toEqual([]);
});

test.each(CASES)(
  'pre fails and cannot undo %s and %s: all three are told, and gone after %s',
  async (one, other, way) => {
    const { error, messages, undoErrors, listedErrors, problems } = await twoFaultsInUndoOfPre(site, [one, other], way);

    expect(error?.code).toBe('E_LEFTOVERS');
    for (const message of messages) {
      expect(error?.message).toContain(message);
      expect(listedErrors.join()).toContain(message);
    }
    for (const message of messages.slice(0, 2)) expect(undoErrors.join()).toContain(message);
    expect(problems).toEqual([]);
  },
);
