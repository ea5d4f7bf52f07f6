import { createTargets, targetsToCreate } from '../../../src/job/create-targets.ts';
import { RunJournal } from '../../../src/job/journal.ts';
import { chooseTargets, type TargetChoice } from '../../../src/job/targets.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { arrayId, type DeviceId, deviceId, instanceUuid, wwn } from '../../../src/ports/identity.ts';
import type { JournalLine } from '../../../src/ports/journal.ts';
import type { Device, NewDevices, StorageArray } from '../../../src/ports/storage-array.ts';
import { jobSpec } from './job-spec.ts';
import { ManualClock } from './manual-clock.ts';

const POOL = 'pool';
const IDENTIFIER = 'snaphook-mb3k2j1f-x8q2zk-abc123';
const lost = () => new SnaphookError('E_ARRAY_UNREACHABLE', 'no answer', { retry: 'after-probe', effect: 'unknown' });

const device = (id: DeviceId, cylinders: number, change: Partial<Device> = {}): Device => ({
  id,
  effectiveWwn: wwn(id.toLowerCase().padStart(32, '0')),
  wwn: undefined,
  identifier: undefined,
  cylinders,
  emulation: 'FBA',
  type: 'TDEV',
  snapshotSource: false,
  linkTarget: false,
  storageGroups: [POOL],
  maskingViews: [{ id: 'mv', host: 'proxy01' }],
  ...change,
});

interface Behaviour {
  /** Of each request in order: what is made of it, and how it is answered. */
  readonly answers?: readonly { readonly makes: number; readonly error?: SnaphookError }[] | undefined;
  /** How long new devices are not shown. */
  readonly lagMs?: number;
}

/** The pool of one array: what is asked of it, and what it shows when. */
function openPool({ answers = [], lagMs = 0 }: Behaviour = {}) {
  const clock = new ManualClock();
  const shown: { readonly fromMs: number; readonly device: Device }[] = [
    { fromMs: 0, device: device(deviceId('00010'), 100, { linkTarget: true, identifier: IDENTIFIER }) },
  ];
  const requests: NewDevices[][] = [];
  const lines: JournalLine[] = [];
  const array: Pick<StorageArray, 'id' | 'inventory' | 'createDevices'> = {
    id: arrayId('000197900046'),
    async createDevices({ identifier, devices }) {
      // Intent first: a crash in here must leave a line that tells of it.
      expect(lines.map(({ kind }) => kind)).toContain('creating');
      requests.push([...devices]);
      const wanted = devices.flatMap(({ cylinders, count }) => Array.from({ length: count }, () => cylinders));
      const { makes, error } = answers[requests.length - 1] ?? { makes: wanted.length };
      for (const cylinders of wanted.slice(0, makes)) {
        const id = deviceId((0x20 + shown.length).toString(16).padStart(5, '0'));
        shown.push({ fromMs: clock.monotonicMs() + lagMs, device: device(id, cylinders, { identifier }) });
      }
      if (error) throw error;
    },
    async inventory() {
      const pool = shown.filter(({ fromMs }) => fromMs <= clock.monotonicMs()).map((one) => one.device);
      return { sources: [], clues: [], pool };
    },
  };
  const reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };
  const create = async (devices: readonly NewDevices[]) => {
    const file = { runId: 'x', append: async (line: JournalLine) => void lines.push(line), read: async () => lines };
    const journal = await RunJournal.load(file, clock);
    await journal.opened({
      job: 'nightly',
      integration: 'test',
      instance: undefined,
      productRunId: undefined,
      level: undefined,
    });
    const { pool } = await array.inventory({ identities: [], pool: POOL }, AbortSignal.timeout(60_000));
    const request = { array, storageGroup: POOL, identifier: IDENTIFIER, devices, pool, settleMs: 15_000 };
    let end: { pool: readonly Device[] } | { error: unknown } | undefined;
    createTargets({ clock, reporter }, journal, request, new AbortController().signal).then(
      (made) => {
        end = { pool: made };
      },
      (error: unknown) => {
        end = { error };
      },
    );
    while (end === undefined) await clock.advance(1000);
    return end;
  };
  return { clock, requests, lines, create };
}

const two: readonly NewDevices[] = [{ cylinders: 100, emulation: 'FBA', count: 2 }];

test('the intent is journaled before anything is made, and afterwards which devices came of it', async () => {
  const { create, lines } = openPool({ lagMs: 5000 });

  await create(two);

  expect(lines.slice(1).map(({ kind, data }) => [kind, data])).toEqual([
    ['creating', { array: '000197900046', storageGroup: POOL, identifier: IDENTIFIER, devices: two }],
    ['created', { devices: ['00021', '00022'] }],
  ]);
});

test('a device of the same identifier that was there before is not taken for a new one', async () => {
  const { create, lines } = openPool();

  await create(two);

  expect(JSON.stringify(lines.at(-1)?.data)).not.toContain('00010');
});

test.each<[string, Behaviour['answers'], readonly (readonly number[])[]]>([
  ['an answer that was lost after the effect: nothing is asked for twice', [{ makes: 2, error: lost() }], [[2]]],
  ['an answer that was lost before the effect: asked for again', [{ makes: 0, error: lost() }], [[2], [2]]],
  ['half of the effect: the other half is asked for', [{ makes: 1, error: lost() }], [[2], [1]]],
  [
    'a busy array: asked for again',
    [{ makes: 0, error: new SnaphookError('E_ARRAY_BUSY', 'busy', { retry: 'safe' }) }],
    [[2], [2]],
  ],
  [
    'a job of the array that failed half-way for a lock: the other half is asked for',
    [{ makes: 1, error: new SnaphookError('E_ARRAY_BUSY', 'locked', { retry: 'safe' }) }],
    [[2], [1]],
  ],
])('%s', async (_name, answers, asked) => {
  const { create, requests, clock } = openPool({ answers, lagMs: 3000 });

  const end = await create(two);

  expect(end).toMatchObject({ pool: [{ id: '00010' }, { id: '00021' }, { id: '00022' }] });
  expect(requests.map((devices) => devices.map(({ count }) => count))).toEqual(asked);
  // Never before an unanswered request had its time.
  if (asked.length === 2 && answers?.[0]?.error?.effect === 'unknown')
    expect(clock.monotonicMs()).toBeGreaterThan(15_000);
});

test.each([
  ['a refusal', new SnaphookError('E_ARRAY_LIMIT', 'the group is full'), 1],
  [
    'a refusal that may have had an effect',
    new SnaphookError('E_ARRAY_REFUSED', 'no', { effect: 'unknown', retry: 'after-probe' }),
    1,
  ],
  ['an array that never answers', lost(), 3],
])('%s ends with its own error and makes nothing more', async (_name, error, times) => {
  const answers = Array.from({ length: 3 }, () => ({ makes: 0, error }));
  const { create, requests, lines } = openPool({ answers });

  expect(await create(two)).toEqual({ error });
  expect(requests).toHaveLength(times);
  expect(lines.at(-1)?.kind).toBe('creating');
});

test('an array that says it made devices and never shows them is an error that names them', async () => {
  const { create, requests } = openPool({ lagMs: 60_000 });

  expect(await create(two)).toMatchObject({ error: { code: 'E_ARRAY', hint: expect.stringContaining(IDENTIFIER) } });
  expect(requests).toHaveLength(1);
});

describe('what is to be made', () => {
  const source = (id: string, cylinders: number) => ({
    device: device(deviceId(id), cylinders, { storageGroups: ['prod'], maskingViews: [] }),
    holds: 'disk' as const,
    disks: [{ vm: instanceUuid('11111111-2222-3333-4444-555555555555'), vmName: 'sql01', key: 2000, label: 'Disk' }],
    diskBytes: 1,
    datastore: undefined,
    vmfsUuid: undefined,
  });
  const choice = (change: Partial<TargetChoice> = {}): TargetChoice => ({
    sources: [source('00001', 100), source('00002', 100), source('00003', 7), source('00004', 100)],
    pool: [device(deviceId('00011'), 100)],
    spec: jobSpec({ createTargets: { maxPoolDevices: 4 } }),
    reserved: new Set(),
    preferred: new Map(),
    ...change,
  });
  const toCreate = (change?: Partial<TargetChoice>) => {
    const asked = choice(change);
    try {
      chooseTargets(asked);
    } catch (error) {
      if (!(error instanceof SnaphookError)) throw error;
      return targetsToCreate(asked, error);
    }
    throw new Error('the pool has a target for every source');
  };

  test('is what the pool lacks, by exact size and emulation', () => {
    expect(toCreate()).toEqual([
      { cylinders: 100, emulation: 'FBA', count: 2 },
      { cylinders: 7, emulation: 'FBA', count: 1 },
    ]);
  });

  test('is nothing when the job allows none', () => {
    expect(() => toCreate({ spec: jobSpec() })).toThrow(expect.objectContaining({ code: 'E_TARGET_NONE' }));
  });

  test('is nothing when the pool would grow beyond what the job allows', () => {
    expect(() => toCreate({ spec: jobSpec({ createTargets: { maxPoolDevices: 3 } }) })).toThrow(
      /createTargets allows 3 devices in the pool, which has 1, and 3 more are needed/,
    );
  });

  test('is nothing in a pool that another host sees: it would see the new devices too', () => {
    const seen = device(deviceId('00012'), 9, { maskingViews: [{ id: 'mv-esx', host: 'esx01' }] });

    expect(() => toCreate({ pool: [seen] })).toThrow(/none is made, as "esx01" sees device "00012"/);
  });
});
