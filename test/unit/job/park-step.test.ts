import type { BackupResult } from '../../../src/job/journal-records.ts';
import type { Plan } from '../../../src/job/plan.ts';
import { cleanUpRun } from '../../../src/job/run-record.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { EndedBackup } from '../../../src/ports/guest.ts';
import { QUIET, WAITING_RUN } from './worlds/quiet-world.ts';
import { World } from './worlds/world.ts';

const HOUR_MS = 3_600_000;

interface Parked {
  readonly isGood?: boolean;
  /** Calls of the product that read the run, and what the post hook of each said; absent: none came. */
  readonly members?: Readonly<Record<string, BackupResult | undefined>>;
  readonly ageMs?: number;
  /** So many calls the product announced; absent: it does not tell. */
  readonly of?: number;
  /** So many VMs the job has; absent: one. */
  readonly vms?: number;
  /** So many parts of disks could not be handed over as files. */
  readonly gaps?: number;
  /** How far the leaving had come; absent: to its end. */
  readonly reached?: 'parking' | 'intent' | 'done';
}

/** A run that was handed over and left a full backup in the guest of its first VM. */
function parkedRun({ isGood = true, members = {}, of, vms = 1, gaps, ageMs = 0, reached = 'done' }: Parked = {}) {
  const { site } = new World({ ...QUIET, runs: [WAITING_RUN] });
  const [[id, journal] = ['', undefined]] = site.journals;
  if (!journal) throw new Error('the world has a run');
  const since = new Date(site.ports.clock.now().getTime() - ageMs).toISOString();
  const add = (kind: string, data: object) =>
    journal.lines.push({ seq: journal.lines.length + 1, at: since, kind, data: { ...data } });
  const plan = journal.lines.find(({ kind }) => kind === 'planned')?.data as Plan; // of the world's own making
  const [first] = plan.vms;
  const vm = first?.instanceUuid;
  const others = Array.from({ length: vms - 1 }, (_, nth) => ({ ...first, instanceUuid: `${vm}-${nth}` }));
  // A neighbour is in no call.
  Object.assign(plan, { vms: [...plan.vms, ...others, { ...first, instanceUuid: 'neighbour', role: 'neighbour' }] });
  const opened = journal.lines.find(({ kind }) => kind === 'opened')?.data as { context: object };
  if (of !== undefined) Object.assign(opened.context, { member: { name: 'a', of } });
  add('parking', { guests: [{ vm, bootId: 'b1', isGood }], hours: 48 });
  if (reached !== 'parking') add('intent', { step: 'park' });
  if (reached === 'done') add('done', { step: 'park' });
  if (gaps !== undefined) add('done', { step: 'mount', result: { mounted: 1, volumes: 2, gaps } });
  for (const member of Object.keys(members)) if (of === undefined || member !== 'a') add('joined', { member });
  for (const [member, result] of Object.entries(members)) if (result) add('left', { member, result });

  const told: boolean[] = [];
  const clean = async (
    backup?: BackupResult,
    answer: () => Promise<EndedBackup> = async () => ({ kind: 'ended', writers: [] }),
  ) => {
    const guests = {
      ...site.ports.guests,
      endBackup: async (_vm: unknown, { success }: { readonly success: boolean }) => {
        told.push(success);
        return answer();
      },
    };
    const lock = await site.ports.locks.acquire('job-x', 0);
    try {
      const fileSystems = { ...site.ports.fileSystems, release: async () => [] };
      await cleanUpRun({ ...site.ports, guests, fileSystems }, id, 'recovered', { lock, ...(backup && { backup }) });
    } finally {
      await lock.release();
    }
  };
  return { clean, told, journal, warnings: site.warnings };
}

const unreachable = async () => {
  throw new SnaphookError('E_GUEST_UNREACHABLE', 'guest "vm" is not reachable');
};

test.each<[string, Parked, BackupResult | undefined, boolean]>([
  ['the product said success', {}, 'success', true],
  ['the product said failure', {}, 'failure', false],
  ['the product said nothing', {}, 'unknown', false],
  ['no post hook came', {}, undefined, false],
  ['the snapshot is not of grade application', { isGood: false }, 'success', false],
  ['every call of the backup said success', { members: { a: 'success', b: 'success' } }, 'success', true],
  ['one call of the backup said failure', { members: { a: 'failure', b: 'success' } }, 'success', false],
  ['one call of the backup said nothing', { members: { a: undefined, b: 'success' } }, 'success', false],
  ['all announced calls said success', { of: 2, members: { a: 'success', b: 'success' } }, 'success', true],
  ['an announced call never came', { of: 3, members: { a: 'success', b: 'success' } }, 'success', false],
  ['fewer calls than VMs came', { vms: 3, members: { a: 'success', b: 'success' } }, 'success', false],
  ['everything was handed over as files', { gaps: 0 }, 'success', true],
  ['a part of a disk was not handed over', { gaps: 1 }, 'success', false],
])('when %s, applications are told so', async (_what, parked, backup, success) => {
  const { clean, told, journal } = parkedRun(parked);

  await clean(backup);

  expect(told).toEqual([success]);
  expect(journal.folder).toBe('closed');
});

test.each<[BackupResult, BackupResult | undefined, boolean]>([
  ['success', undefined, true],
  ['success', 'unknown', true],
  ['success', 'failure', false],
  ['failure', 'success', false],
  ['unknown', 'success', false],
])(
  'a guest that could not be told %s at once is told later, when the next hook says %s: success is %s',
  async (first, second, success) => {
    const { clean, told, journal } = parkedRun();
    await expect(clean(first, unreachable)).rejects.toMatchObject({ code: 'E_LEFTOVERS' });
    expect(journal.folder).toBe('open');

    await clean(second);

    expect(told.at(-1)).toBe(success);
    expect(journal.folder).toBe('closed');
  },
);

test.each([
  ['before it asked a guest to wait', 'parking', []],
  ['after it asked a guest to wait', 'intent', [false]],
] as const)('a hook that died %s leaves nothing that waits', async (_when, reached, asked) => {
  const { clean, told, journal } = parkedRun({ reached });

  await clean();

  expect(told).toEqual(asked);
  expect(journal.folder).toBe('closed');
});

test('a guest that was told is not asked again while another thing of the run is left', async () => {
  const { clean, told, journal } = parkedRun();
  await clean('success');
  journal.folder = 'open';
  journal.lines.splice(
    journal.lines.findIndex(({ kind }) => kind === 'closed'),
    1,
  );
  journal.lines.push({ seq: 99, at: new Date(0).toISOString(), kind: 'intent', data: { step: 'park' } });

  await clean('success');

  expect(told).toEqual([true]);
});

test('a guest that has lost its backup is told of, and keeps no run open', async () => {
  const { clean, journal, warnings } = parkedRun();

  await clean('success', async () => ({ kind: 'lost' }));

  expect(warnings).toContain(
    'the guest has lost its full backup: unless it was told before, its applications dropped no log',
  );
  expect(journal.folder).toBe('closed');
});

test('a guest that cannot be told is given up after an hour, with a warning', async () => {
  const { clean, journal, warnings } = parkedRun({ ageMs: HOUR_MS });

  await clean(undefined, unreachable);

  expect(warnings.join()).toContain('is given up');
  expect(journal.folder).toBe('closed');
});
