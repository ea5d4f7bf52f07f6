import { existsSync, readdirSync } from 'node:fs';
import fsp from 'node:fs/promises';
import fc from 'fast-check';
import { BandSite, disk } from './band-site.ts';
import { runUntilKilled } from './killed-process.ts';

// Some thousand calls of the file system, each waiting for its turn on a busy machine.
jest.setTimeout(300_000);

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
    const held = existsSync(site.file(name, 'index.json')) ? await site.shown(name) : undefined;
    if (held) expect(held.content.equals(runs[held.run]?.[name] ?? Buffer.alloc(0))).toBe(true);
    ids.push(held?.run);
  }
  return ids;
}

/** The first run is in the site already. */
async function killedAt(
  changesAllowed: number,
  site: BandSite,
  first: Disks | undefined,
  second: Disks,
): Promise<boolean> {
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

  const before = new BandSite();
  await before.run('run-1', first);

  let changes = 0;
  while (await killedAt(changes, new BandSite(before), first, second)) changes += 1;

  expect(changes).toBeGreaterThan(40);
});

test('a run that begins while a commit is half done finishes it first', async () => {
  const [first, second] = [
    { [ONE]: disk([1]), [TWO]: disk([2]) },
    { [ONE]: disk([3]), [TWO]: disk([4]) },
  ];
  const before = new BandSite();
  await before.run('run-1', first);
  let site = before;
  for (let changes = 20; !existsSync(site.file('snaphook-bands-commit.json')); changes += 1) {
    site = new BandSite(before);
    expect(await runUntilKilled(changes, () => site.run('run-2', second))).toBe(true);
  }

  const third = await site.run('run-3', second);

  expect([third[ONE]?.changedBands, third[TWO]?.changedBands]).toEqual([0, 0]);
  expect(await shown(site, { 'run-3': second })).toEqual(['run-3', 'run-3']);
});

test('so it is with a first run and with any two states of the disks, and the next run hands over what it should', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.option(disksOf, { nil: undefined }),
      disksOf,
      fc.integer({ min: 0, max: 60 }),
      async (first, second, changesAllowed) => {
        const site = new BandSite();
        if (first) await site.run('run-1', first);
        await killedAt(changesAllowed, site, first, second);

        const third = { [ONE]: disk([2, 0, 1]), [TWO]: second[TWO] };
        await site.run('run-3', third);
        expect(await shown(site, { 'run-3': third })).toEqual(['run-3', 'run-3']);
      },
    ),
    { numRuns: 12 },
  );
});
