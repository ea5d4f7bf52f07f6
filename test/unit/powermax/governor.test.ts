import { createGovernor, type Lane } from '../../../src/powermax/governor.ts';

/** Tasks that run until told to end, and what happened in which order. */
function workshop(limits: { reads: number; writes: number }) {
  const governor = createGovernor(limits);
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const inFlight: Record<Lane, number> = { read: 0, write: 0 };
  const most: Record<Lane, number> = { read: 0, write: 0 };
  return {
    started,
    most,
    async end(name: string) {
      await settled();
      ends.get(name)?.();
      await settled();
    },
    run(lane: Lane, name: string, options: { signal?: AbortSignal; urgent?: boolean } = {}) {
      const task = async () => {
        started.push(name);
        inFlight[lane] += 1;
        most[lane] = Math.max(most[lane], inFlight[lane]);
        await new Promise<void>((resolve) => ends.set(name, resolve));
        inFlight[lane] -= 1;
        return name;
      };
      return governor.run(lane, task, { signal: new AbortController().signal, ...options });
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('at most 5 reads and 4 writes are in flight, however many are asked for', async () => {
  const shop = workshop({ reads: 5, writes: 4 });
  const names = Array.from({ length: 20 }, (_, index) => String(index));
  const all = names.flatMap((name) => [shop.run('read', `r${name}`), shop.run('write', `w${name}`)]);
  await settled();
  expect(shop.started).toHaveLength(9);

  for (let ended = 0; ended < 40; ended += 1) await shop.end(shop.started[ended] ?? '');

  await Promise.all(all);
  expect(shop.most).toEqual({ read: 5, write: 4 });
});

test('tasks start in the order they were asked for', async () => {
  const shop = workshop({ reads: 1, writes: 1 });
  for (const name of ['a', 'b', 'c', 'd']) void shop.run('read', name);

  for (const name of ['a', 'b', 'c', 'd']) await shop.end(name);

  expect(shop.started).toEqual(['a', 'b', 'c', 'd']);
});

test('an urgent write goes before waiting writes and does not wait for reads', async () => {
  const shop = workshop({ reads: 1, writes: 1 });
  void shop.run('read', 'read in flight');
  void shop.run('read', 'read waiting');
  void shop.run('write', 'write in flight');
  void shop.run('write', 'write waiting');
  void shop.run('write', 'establish', { urgent: true });
  void shop.run('write', 'second establish', { urgent: true });

  await shop.end('write in flight');
  await shop.end('establish');
  await shop.end('second establish');

  expect(shop.started).toEqual(['read in flight', 'write in flight', 'establish', 'second establish', 'write waiting']);
});

test('a task given up while waiting never runs and gives its place to the next', async () => {
  const shop = workshop({ reads: 1, writes: 1 });
  const patience = new AbortController();
  void shop.run('read', 'first');
  const second = shop.run('read', 'second', { signal: patience.signal });
  void shop.run('read', 'third');

  patience.abort(new Error('enough'));
  await expect(second).rejects.toThrow('enough');
  await shop.end('first');

  expect(shop.started).toEqual(['first', 'third']);
});

test('a task that fails gives its place back', async () => {
  const governor = createGovernor({ reads: 1, writes: 1 });
  const { signal } = new AbortController();
  const failing = governor.run('read', () => Promise.reject(new Error('no')), { signal });

  await expect(failing).rejects.toThrow('no');
  await expect(governor.run('read', async () => 'yes', { signal })).resolves.toBe('yes');
});
