import { type Access, createGovernor, governorOf, type Lane } from '../../../src/powermax/governor.ts';

/** Tasks that run until told to end, and what happened in which order. */
function workshop(limits: { reads: number; writes: number }) {
  let processes = 1;
  const governor = createGovernor(limits, () => processes);
  const own = governor.access();
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
    otherRun: () => governor.access(),
    workBeside(count: number) {
      processes = count;
    },
    run(
      lane: Lane,
      name: string,
      { of = own, ...options }: { of?: Access; signal?: AbortSignal; urgent?: boolean } = {},
    ) {
      const task = async () => {
        started.push(name);
        inFlight[lane] += 1;
        most[lane] = Math.max(most[lane], inFlight[lane]);
        await new Promise<void>((resolve) => ends.set(name, resolve));
        inFlight[lane] -= 1;
        return name;
      };
      return of.run(lane, task, { signal: new AbortController().signal, ...options });
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

test('an urgent task waits for nobody, however full its lane is; the others wait until there is room again', async () => {
  const shop = workshop({ reads: 1, writes: 1 });
  void shop.run('write', 'write in flight');
  void shop.run('write', 'write waiting');
  await settled();
  void shop.run('write', 'establish', { urgent: true });
  await settled();
  expect(shop.started).toEqual(['write in flight', 'establish']);

  await shop.end('write in flight');
  expect(shop.started).toEqual(['write in flight', 'establish']);
  await shop.end('establish');
  expect(shop.started).toEqual(['write in flight', 'establish', 'write waiting']);
});

test('runs take turns: one with a hundred reads keeps no other waiting longer than one read', async () => {
  const shop = workshop({ reads: 1, writes: 1 });
  const small = shop.otherRun();
  const third = shop.otherRun();
  for (let read = 0; read < 100; read += 1) void shop.run('read', `big ${read}`);
  for (const name of ['small 0', 'small 1']) void shop.run('read', name, { of: small });
  void shop.run('read', 'third 0', { of: third });
  await settled();

  for (let ended = 0; ended < 7; ended += 1) await shop.end(shop.started[ended] ?? '');

  expect(shop.started.slice(0, 8)).toEqual([
    'big 0',
    'big 1',
    'small 0',
    'third 0',
    'big 2',
    'small 1',
    'big 3',
    'big 4',
  ]);
});

test.each([
  [1, { read: 5, write: 4 }],
  [2, { read: 2, write: 2 }],
  [3, { read: 1, write: 1 }],
  [9, { read: 1, write: 1 }],
])('one of %i processes takes its share of the places, and at least one', async (processes, most) => {
  const shop = workshop({ reads: 5, writes: 4 });
  shop.workBeside(processes);
  for (let task = 0; task < 12; task += 1) {
    void shop.run('read', `r${task}`);
    void shop.run('write', `w${task}`);
  }
  await settled();

  expect(shop.most).toEqual(most);
});

test('what another process gives up is used with the next task that ends', async () => {
  const shop = workshop({ reads: 4, writes: 1 });
  shop.workBeside(4);
  for (let task = 0; task < 8; task += 1) void shop.run('read', `r${task}`);
  await settled();
  expect(shop.started).toHaveLength(1);

  shop.workBeside(1);
  await shop.end('r0');

  expect(shop.started).toEqual(['r0', 'r1', 'r2', 'r3', 'r4']);
});

test('runs of one process at the same server share one governor, those at another do not', () => {
  const one = () => 1;

  expect(governorOf('https://a', one)).toBe(governorOf('https://a', one));
  expect(governorOf('https://a', one)).not.toBe(governorOf('https://b', one));
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
  const governor = createGovernor({ reads: 1, writes: 1 }).access();
  const { signal } = new AbortController();
  const failing = governor.run('read', () => Promise.reject(new Error('no')), { signal });

  await expect(failing).rejects.toThrow('no');
  await expect(governor.run('read', async () => 'yes', { signal })).resolves.toBe('yes');
});
