import { foldJournal, RunJournal } from '../../../src/job/journal.ts';
import type { JournalRecord } from '../../../src/job/journal-records.ts';
import type { JobPorts } from '../../../src/job/ports.ts';
import type { RestorePlan } from '../../../src/job/restoration.ts';
import { isRestored } from '../../../src/job/run-state.ts';
import { undoRestore } from '../../../src/job/undo-restore.ts';
import { instanceUuid, moRef } from '../../../src/ports/identity.ts';
import type { JournalLine } from '../../../src/ports/journal.ts';
import type { ImportEnd, MadeVm } from '../../../src/ports/vm-import.ts';
import { noRestores } from '../../contract/no-restores.ts';
import { ManualClock } from './manual-clock.ts';

const RUN = 'l1k2m3n4-abcdef';
const FOLDER = moRef('group-v7');
const MADE = moRef('vm-201');
const OLD = moRef('vm-101');
const OLD_UUID = instanceUuid('50aa0000-0000-4000-8000-000000000001');
const never = new AbortController().signal;

// Only what an undo reads of a plan.
const plan = (replaces?: RestorePlan['replaces'], into?: RestorePlan['into']) =>
  ({
    of: { name: 'sql01' },
    vm: { name: replaces?.name ?? 'sql01-restored' },
    place: { folder: FOLDER },
    replaces,
    into,
  }) as RestorePlan;
const REPLACES = { moRef: OLD, name: 'sql01', instanceUuid: OLD_UUID };

const made = (change: Partial<MadeVm> = {}): MadeVm => ({
  moRef: MADE,
  name: 'sql01-restored',
  instanceUuid: undefined,
  poweredOff: true,
  settingsShown: true,
  mark: RUN,
  ...change,
});

const BEGUN: JournalRecord = { kind: 'importing', data: { lease: 'lease-1', vm: MADE } };
const step = (kind: 'intent' | 'done', name: 'import' | 'replace' | 'attach', result: unknown = {}): JournalRecord =>
  kind === 'intent' ? { kind, data: { step: name } } : { kind, data: { step: name, result } };

async function undoIn(
  vms: readonly MadeVm[],
  plan: RestorePlan,
  records: readonly JournalRecord[],
  {
    canRemove = true,
    end = 'aborted',
    disks = {},
    unreadable = [],
  }: {
    readonly canRemove?: boolean;
    readonly end?: ImportEnd;
    /** Files of VMs, by id; a VM that nothing else tells of may go by its name. The first is that of its disk, others lie below it. */
    readonly disks?: Readonly<Record<string, readonly string[]>>;
    /** Names of VMs that do not show their files. */
    readonly unreadable?: readonly string[];
  } = {},
) {
  const lines: JournalLine[] = [{ kind: 'restoring', data: plan } as const, ...records].map(
    ({ kind, data }, index) => ({
      seq: index + 1,
      at: '2026-01-01T00:00:00Z',
      kind,
      data,
    }),
  );
  const file = { runId: RUN, append: async (line: JournalLine) => void lines.push(line), read: async () => lines };
  const there = new Map(vms.map((vm) => [vm.moRef, vm]));
  const hung = new Map(Object.entries(disks));
  const did: string[] = [];
  const clock = new ManualClock();
  const ports = {
    ...noRestores,
    clock,
    reporter: { info: () => undefined, warn: () => undefined, progress: () => undefined },
    vmImport: {
      ...noRestores.vmImport,
      abort: async (lease) => {
        did.push(`abort ${lease}`);
        return end;
      },
      vm: async (vm) => there.get(vm),
      vmsIn: async (folder) => (folder === FOLDER ? [...there.values()] : []),
      identify: async (vm, { name, instanceUuid }) => {
        did.push(`${vm} is ${name} ${instanceUuid}`);
        const before = there.get(vm);
        if (before) there.set(vm, { ...before, name });
      },
      destroy: async (vm) => {
        if (!canRemove) throw new Error('vCenter is gone');
        did.push(`destroy ${vm}`);
        there.delete(vm);
      },
      whenIdle: async () => undefined,
      disksOf: async (vm) => {
        const files = hung.get(vm);
        return files && { host: 'esx1', freePlaces: 1, files: files.slice(0, 1), uses: files };
      },
      usersOf: async ({ files, vm }) => ({
        users: [...hung]
          .filter(([other, own]) => other !== vm && own.some((file) => files.includes(file)))
          .map(([name]) => name),
        unreadable,
      }),
      detach: async ({ vm, files }) => {
        did.push(`detach from ${vm}`);
        hung.set(vm, hung.get(vm)?.filter((file) => !files.includes(file)) ?? []);
      },
    } satisfies JobPorts['vmImport'],
  };
  const journal = await RunJournal.load(file, clock);
  // An undo asks no other port. What it waits for comes at once.
  const undoing = undoRestore(ports as unknown as JobPorts, { runId: RUN, journal }, never);
  await clock.advance(120_000);
  const errors = await undoing;
  return { errors, did, state: foldJournal(RUN, lines), names: [...there.values()].map(({ name }) => name) };
}

test('a VM that vCenter told the id of goes, after its import was ended', async () => {
  const { did, errors, names, state } = await undoIn([made()], plan(), [step('intent', 'import'), BEGUN]);

  expect([did, errors, names]).toEqual([['abort lease-1', `destroy ${MADE}`], [], []]);
  expect(state.steps.import.at).toBe('undone');
});

test('of an import without an answer the VM is found by name, folder and mark, once the request had time to take effect', async () => {
  const others = [
    made({ moRef: moRef('vm-7'), name: 'another' }),
    made({ moRef: moRef('vm-8'), mark: 'l1k2m3n4-others' }),
    made({ moRef: moRef('vm-9'), mark: undefined }),
  ];
  const { did, names } = await undoIn([...others, made()], plan(), [step('intent', 'import')]);

  expect(did).toEqual([`destroy ${MADE}`]);
  expect(names).toHaveLength(others.length);
});

test.each<[string, Partial<MadeVm>]>([
  ['has the id but not the mark', { mark: undefined }],
  ['has the mark of another restore', { mark: 'l1k2m3n4-others' }],
])('a VM that %s is left alone', async (_what, change) => {
  const { did, errors, names } = await undoIn([made(change)], plan(), [step('intent', 'import'), BEGUN]);

  expect([did, errors, names.length]).toEqual([['abort lease-1'], [], 1]);
});

test.each<[string, readonly JournalRecord[]]>([
  ['id', [step('intent', 'import'), BEGUN]],
  ['name', [step('intent', 'import')]],
])(
  'a VM found by its %s whose settings vCenter does not show is told, and the restore stays open',
  async (_by, records) => {
    const hidden = made({ settingsShown: false, mark: undefined });
    const { errors, names, state } = await undoIn([hidden], plan(), records);

    expect([errors, names.length]).toEqual([[expect.objectContaining({ code: 'E_LEFTOVERS' })], 1]);
    expect(state.steps.import.at).toBe('intended');
  },
);

test('a VM that runs is told as left behind, and the restore stays open', async () => {
  const { errors, names, state } = await undoIn([made({ poweredOff: false })], plan(), [
    step('intent', 'import'),
    BEGUN,
  ]);

  expect([errors, names.length]).toEqual([[expect.objectContaining({ code: 'E_LEFTOVERS' })], 1]);
  expect(state.steps.import.at).toBe('intended');
});

const REPLACING = [step('intent', 'import'), BEGUN, step('done', 'import'), step('intent', 'replace')];
const KEPT = `sql01-replaced-${RUN}`;
const INTERIM = `sql01-restoring-${RUN}`;
const old = (name: string): MadeVm => made({ moRef: OLD, name, mark: undefined });

/** It has the place. */
const TAKEN = made({ name: 'sql01', instanceUuid: OLD_UUID });
const leftover = [expect.objectContaining({ code: 'E_LEFTOVERS' })];

test.each<[string, string, readonly string[]]>([
  ['before anything was renamed', 'sql01', []],
  ['when the VM had stepped aside', KEPT, [`${OLD} is sql01 ${OLD_UUID}`]],
])(
  'a replacement that died %s gives the VM its name and identity back; the restored one is complete, stays and is told',
  async (_when, oldName, given) => {
    const { did, names, errors, state } = await undoIn(
      [old(oldName), made({ name: INTERIM })],
      plan(REPLACES),
      REPLACING,
    );

    expect([did, names, errors]).toEqual([given, ['sql01', INTERIM], leftover]);
    expect([state.steps.replace.at, state.steps.import.at]).toEqual(['undone', 'done']);
  },
);

test.each<[string, readonly MadeVm[]]>([
  ['there under its other name', [old(KEPT)]],
  ['removed by somebody', []],
])('a restored VM that has taken the place is done, with the VM that had it %s', async (_what, others) => {
  const { did, names, errors, state } = await undoIn([...others, TAKEN], plan(REPLACES), REPLACING);

  expect([did, errors, isRestored(state)]).toEqual([[], [], true]);
  expect(names).toContain('sql01');
});

test.each<[string, readonly MadeVm[]]>([
  ['is gone', []],
  ['was renamed by somebody', [old('sql01-by-hand')]],
])('when the VM to be replaced %s, the restored one stays and is told', async (_what, others) => {
  const { did, names, errors, state } = await undoIn([...others, made({ name: INTERIM })], plan(REPLACES), REPLACING);

  expect([did, errors]).toEqual([[], leftover]);
  expect(names).toEqual([...others.map(({ name }) => name), INTERIM]);
  expect(state.steps.replace.at).toBe('intended');
});

test('a restored VM that somebody has renamed to keep it stays, and the restore ends', async () => {
  const { did, names, errors } = await undoIn([made({ name: 'sql01-by-hand' })], plan(REPLACES), REPLACING);

  expect([did, names, errors]).toEqual([[], ['sql01-by-hand'], []]);
});

const COMPLETING: readonly JournalRecord[] = [
  step('intent', 'import'),
  BEGUN,
  { kind: 'completing', data: { lease: 'lease-1' } },
];

test('a VM whose import was to be completed, and is over, stays, even when it was used since', async () => {
  const { did, errors, names, state } = await undoIn([made()], plan(), COMPLETING, { end: 'over' });
  expect([did, errors, names, isRestored(state)]).toEqual([['abort lease-1'], [], ['sql01-restored'], true]);

  const used = await undoIn([made({ poweredOff: false })], plan(), COMPLETING, { end: 'over' });
  expect([used.errors, isRestored(used.state)]).toEqual([[], true]);

  const gone = await undoIn([], plan(), COMPLETING, { end: 'over' });
  expect([gone.errors, gone.state.steps.import.at]).toEqual([[], 'undone']);

  const inPlace = await undoIn([old('sql01'), made({ name: INTERIM })], plan(REPLACES), COMPLETING, { end: 'over' });
  expect([inPlace.errors, inPlace.names]).toEqual([leftover, ['sql01', INTERIM]]);
});

test('a VM whose import vCenter ended before it was complete is removed, at a second try too', async () => {
  const first = await undoIn([made()], plan(), COMPLETING, { canRemove: false });
  expect([first.errors.length, first.state.completing]).toEqual([1, false]);

  const aborted: JournalRecord = { kind: 'aborted', data: { lease: 'lease-1' } };
  const second = await undoIn([made()], plan(), [...COMPLETING, aborted], { end: 'over' });
  expect([second.did, second.names]).toEqual([['abort lease-1', `destroy ${MADE}`], []]);
});

const INTO = { moRef: moRef('vm-301'), name: 'web01', instanceUuid: OLD_UUID };
const KEEPER = made({ name: `web01-disks-${RUN}` });
const FILE = '[ds] keeper/disk.vmdk';
const BROUGHT = [step('intent', 'import'), BEGUN, step('done', 'import', { vm: MADE, files: [FILE] })];
const ATTACHING = [...BROUGHT, step('intent', 'attach')];

test.each([
  ['has a disk of', [FILE]],
  ['uses below a VM snapshot', ['[ds] web01/web01-000001.vmdk', FILE]],
])('a file that the other VM %s is its own from then on, and the restore is done', async (_what, files) => {
  const disks = { [MADE]: [FILE], [INTO.moRef]: files };
  const { did, errors, state, names } = await undoIn([KEEPER], plan(undefined, INTO), ATTACHING, { disks });

  expect([did, errors, names]).toEqual([[`detach from ${MADE}`], [], [KEEPER.name]]);
  expect(isRestored(state)).toBe(true);
});

test.each<[string, readonly JournalRecord[]]>([
  ['did not get its disks', ATTACHING],
  ['was not asked yet', BROUGHT],
])('when the other VM %s, the VM that brought them goes with them', async (_what, records) => {
  const disks = { [MADE]: [FILE], [INTO.moRef]: ['[ds] web01/web01.vmdk'] };
  const { did, errors, names } = await undoIn([KEEPER], plan(undefined, INTO), records, { disks });

  expect([did, errors, names]).toEqual([[`destroy ${MADE}`], [], []]);
});

test('a VM that brought disks stays when somebody else has one or may have, has taken them from it, has renamed it or runs it', async () => {
  const into = plan(undefined, INTO);
  const shared = await undoIn([KEEPER], into, BROUGHT, { disks: { [MADE]: [FILE], other01: [FILE] } });
  expect([shared.did, shared.errors]).toEqual([[], leftover]);
  expect(String(shared.errors)).toContain('other01');

  const unseen = await undoIn([KEEPER], into, BROUGHT, { disks: { [MADE]: [FILE] }, unreadable: ['dark01'] });
  expect([unseen.did, unseen.errors]).toEqual([[], leftover]);
  expect(String(unseen.errors)).toContain('dark01');

  const emptied = await undoIn([KEEPER], into, BROUGHT, { disks: { [MADE]: [] } });
  const renamed = await undoIn([made({ name: 'web01-by-hand' })], into, BROUGHT, { disks: { [MADE]: [FILE] } });
  const foreign = await undoIn([made({ mark: undefined })], into, ATTACHING, {
    disks: { [MADE]: [FILE], [INTO.moRef]: [FILE] },
  });
  expect([emptied, renamed, foreign].map(({ did, errors }) => [did, errors])).toEqual(Array(3).fill([[], []]));

  const runs = made({ name: KEEPER.name, poweredOff: false });
  const running = await undoIn([runs], into, BROUGHT, { disks: { [MADE]: [FILE] } });
  expect([running.did, running.errors]).toEqual([[], leftover]);
});

test('what came to its end is not undone, in place or not; what cannot be undone is told and tried again', async () => {
  const whole = await undoIn([made()], plan(), [step('intent', 'import'), BEGUN, step('done', 'import')]);
  const replaced = await undoIn([old(KEPT), TAKEN], plan(REPLACES), [...REPLACING, step('done', 'replace')]);
  expect([whole.did, replaced.did]).toEqual([[], []]);

  const stuck = await undoIn([made()], plan(), [step('intent', 'import'), BEGUN], {
    canRemove: false,
  });
  expect([stuck.errors.length, stuck.state.steps.import.at]).toEqual([1, 'intended']);
});
