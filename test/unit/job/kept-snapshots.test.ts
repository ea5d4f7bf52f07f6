import { listKept } from '../../../src/job/kept-snapshots.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { MemorySite } from './worlds/memory-site.ts';
import { QUIET, WAITING_RUN } from './worlds/quiet-world.ts';
import { World } from './worlds/world.ts';
import type { RunSeed } from './worlds/world-seed.ts';

const kept: RunSeed = { ...WAITING_RUN, keeps: true, reached: 2, journal: 'closed' };
const siteWith = (...runs: RunSeed[]): MemorySite => new World({ ...QUIET, runs }).site;
const list = ({ ports }: MemorySite) => listKept(ports, new AbortController().signal);
const only = <Value>([value, ...others]: Iterable<Value>): Value => {
  if (value === undefined || others.length > 0) throw new Error('the world is not built as it should be');
  return value;
};

test('each is told with what its array has of it, the others of the array and leftovers are not', async () => {
  const site = siteWith(kept, { ...kept, source: 1, disks: 2 }, { ...kept, array: 1 }, { ...WAITING_RUN, source: 3 });
  const [first] = site.arrays;
  if (!first) throw new Error('the world has two arrays');
  const second = first.snapshots.findIndex(({ source }) => source === '10001');
  first.snapshots.splice(second, 1);
  only(site.arrays[1]?.snapshots ?? []).targets.add(only([...(site.arrays[1]?.devices.keys() ?? [])].slice(-1)));

  const { snapshots, problems } = await list(site);

  expect(problems).toEqual([]);
  expect(snapshots.map(({ array, devices, state }) => [array, devices.length, state])).toEqual([
    [first.id, 1, 'present'],
    [first.id, 2, 'partial'],
    [site.arrays[1]?.id, 1, 'linked'],
  ]);
});

test('one that its array does not have is gone, and of one whose array does not answer nothing is known: told once', async () => {
  const site = siteWith(kept, { ...kept, array: 1 }, { ...kept, array: 1, journal: 'lost' });
  const [first, second] = site.arrays;
  if (!first || !second) throw new Error('the world has two arrays');
  first.snapshots.length = 0;
  expect((await list(site)).snapshots.map(({ state }) => state)).toEqual(['gone', 'present', 'present']);

  const silent = async () => {
    throw new SnaphookError('E_ARRAY_UNREACHABLE', 'no answer');
  };
  second.findSnapshots = silent;
  const half = await list(site);
  expect(half.snapshots.map(({ array, state }) => [array, state])).toEqual([
    [first.id, 'gone'],
    [second.id, 'present'],
  ]);
  expect(half.problems).toMatchObject([{ code: 'E_ARRAY_UNREACHABLE' }]);

  second.listSnapshots = silent;
  expect((await list(site)).snapshots.map(({ state }) => state)).toEqual(['gone', 'unknown']);
});

test('one whose maker died before its journal was moved is told', async () => {
  const site = siteWith(kept);
  only(site.journals.values()).folder = 'open';

  expect((await list(site)).snapshots).toMatchObject([{ state: 'present' }]);
});

test('a journal that cannot be read is a problem, and its snapshot is not taken for one without a journal', async () => {
  const site = siteWith(kept);
  only(site.journals.values()).lines.splice(1, 0, { seq: 99, at: 'now', kind: 'nonsense', data: {} });

  expect(await list(site)).toMatchObject({ snapshots: [], problems: [{ code: 'E_JOURNAL' }] });
});
