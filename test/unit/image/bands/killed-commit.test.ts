import { existsSync, readdirSync } from 'node:fs';
import fsp from 'node:fs/promises';
import fc from 'fast-check';
import { requireIndex } from '../../../../src/image/bands/assemble-bands.ts';
import { BandSite, disk } from './band-site.ts';
import { runUntilKilled } from './killed-process.ts';

/** Death of a process takes nothing from the file system: what waits for a disk only takes time here. */
beforeAll(async () => {
  const handle = await fsp.open(__filename);
  await handle.close();
  jest.spyOn(Object.getPrototypeOf(handle), 'sync').mockResolvedValue(undefined);
});
afterAll(() => jest.restoreAllMocks());

const ONE = 'vm/one.bands';
const TWO = 'vm/two.bands';
type Disks = Readonly<Record<typeof ONE | typeof TWO, Buffer>>;

/** Runs by their ids. */
const diskOf = fc
  .tuple(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 }), fc.constantFrom(0, 100))
  .map(([numbers, tail]) => disk(numbers, tail));
const disksOf = fc.record({ [ONE]: diskOf, [TWO]: diskOf });

/** What each folder holds, as it says itself: a folder without an index says nothing. */
async function shown(site: BandSite, runs: Readonly<Record<string, Disks>>): Promise<readonly (string | undefined)[]> {
  const ids: (string | undefined)[] = [];
  for (const name of [ONE, TWO] as const) {
    const run = existsSync(site.file(name, 'index.json')) ? (await requireIndex(site.file(name))).run.id : undefined;
    if (run !== undefined) expect((await site.assembled(name)).equals(runs[run]?.[name] ?? Buffer.alloc(0))).toBe(true);
    ids.push(run);
  }
  return ids;
}

async function killedAt(
  changesAllowed: number,
  first: Disks | undefined,
  second: Disks,
  site = new BandSite(),
): Promise<boolean> {
  if (first) await site.run('run-1', first);
  const runs = { ...(first && { 'run-1': first }), 'run-2': second };

  const killed = await runUntilKilled(changesAllowed, () => site.run('run-2', second));

  // Whoever looks now: what says that it is whole is the run before or this one, and nothing else.
  await shown(site, runs);
  const isCommitted = existsSync(site.file('snaphook-bands-commit.json')) || !killed;
  // The next hook may be killed too, once at every place.
  await runUntilKilled(changesAllowed % 7, () => site.settle([ONE, TWO]));
  await shown(site, runs);
  expect(await site.settle([ONE, TWO])).toEqual([]);

  const [one, two] = await shown(site, runs);
  expect(one).toBe(two);
  if (isCommitted) expect(one).toBe('run-2');
  const left = readdirSync(site.directory, { recursive: true }).map(String);
  expect(left.filter((name) => /partial|next|snaphook/.test(name))).toEqual([]);
  if (one === undefined) expect(left).toEqual([]);
  return killed;
}

test('a process killed before any change of the file system leaves all disks as before or all as after, once settled', async () => {
  const first = { [ONE]: disk([1, 2, 0], 100), [TWO]: disk([1]) };
  const second = { [ONE]: disk([1, 0, 3, 4]), [TWO]: disk([2]) };

  let changes = 0;
  while (await killedAt(changes, first, second)) changes += 1;

  expect(changes).toBeGreaterThan(40);
});

test('so it is with a first run and with any two states of the disks, and the next run hands over what it should', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.option(disksOf, { nil: undefined }),
      disksOf,
      fc.integer({ min: 0, max: 60 }),
      async (first, second, changesAllowed) => {
        const site = new BandSite();
        await killedAt(changesAllowed, first, second, site);

        const third = { [ONE]: disk([2, 0, 1]), [TWO]: second[TWO] };
        await site.run('run-3', third);
        expect(await shown(site, { 'run-3': third })).toEqual(['run-3', 'run-3']);
      },
    ),
    { numRuns: 30 },
  );
});
