import { createWindowsGuests } from '../../../src/guest/windows/windows-guest.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { until } from '../../contract/guest.ts';
import {
  SQL_WRITER_ID,
  startWindowsGuestWorld,
  type WindowsGuestWorld,
  type WorldChanges,
} from '../../contract/windows-guest-world.ts';
import { failure } from '../../failure.ts';

const never = new AbortController().signal;
const SOON = { freezeWithinMs: 60_000 };
const RUN = 'l1k2m3n4-abcdef';

let world: WindowsGuestWorld;
let records: Readonly<Record<string, string>>[];
let filesBefore: readonly string[];

const open = async (changes: WorldChanges = {}) => {
  world = await startWindowsGuestWorld('ntlm-https', {
    ...changes,
    settings: { strategy: 'vss-diskshadow', ...changes.settings },
  });
  records = [];
  filesBefore = world.lab.files.paths();
};
const request = () => ({
  runId: RUN,
  diskUuids: world.diskUuids,
  onSession: async (resume: Readonly<Record<string, string>>) => void records.push(resume),
});
const shadows = () => world.lab.shadows;

afterEach(async () => {
  const left = {
    copies: shadows().all(),
    files: world.lab.files.paths().filter((file) => !filesBefore.includes(file)),
    shells: world.lab.shellCount(),
  };
  const defects = world.events.events.filter(
    ({ kind, operation }) => kind === 'unserved' || operation === 'lab defect',
  );
  await world.close();
  expect(defects).toEqual([]);
  expect(left).toEqual({ copies: [], files: [], shells: 0 });
});

test('one set with a copy of each volume is made with the writers, told to the journal, seen again, and removed with everything else', async () => {
  await open();
  const guest = world.guests.open(world.vm);
  const prepared = await guest.prepare(request(), never);
  expect(records).toEqual([{ shadowFolder: `C:\\Windows\\snaphook-${RUN}` }]);
  expect(world.lab.files.paths()).toEqual(filesBefore);

  await guest.quiet(SOON, never);

  const [first, second] = shadows().all();
  const shadowSet = `{${first?.setId.toUpperCase()}}`;
  expect(shadows().all()).toHaveLength(2);
  expect(records.at(-1)).toEqual({ shadowFolder: `C:\\Windows\\snaphook-${RUN}`, shadowSet });
  expect(world.isFrozen()).toBe(false);
  await guest.freeze(never);
  const verdict = await guest.thaw(never);
  const evidence = await guest.finish(never);
  expect(prepared).toMatchObject({
    strategy: 'vss-diskshadow',
    helper: expect.stringContaining('Windows Server 2022'),
    leaseMs: 0,
    volumes: [
      { name: 'D:\\', diskUuids: [world.diskUuids[0]] },
      { name: 'E:\\', diskUuids: [world.diskUuids[1]] },
    ],
    writersBefore: [
      { id: SQL_WRITER_ID, name: 'SqlServerWriter', state: 1, verified: true },
      { name: 'BITS Writer', verified: false },
    ],
  });
  expect(evidence).toMatchObject({
    strategy: 'vss-diskshadow',
    verdict,
    finished: true,
    lost: [],
    shadowCopies: [
      {
        id: `{${first?.id.toUpperCase()}}`,
        setId: shadowSet,
        volume: 'D:\\',
        createdAt: first?.createdAt.toISOString(),
      },
      { id: `{${second?.id.toUpperCase()}}`, setId: shadowSet, volume: 'E:\\' },
    ],
    writersAfter: [{ id: SQL_WRITER_ID, verified: true }, {}],
  });
  expect(await guest.close()).toBe('closed');
});

test.each(['german', 'french'] as const)('a %s Windows is understood, and so is its failure', async (language) => {
  await open();
  shadows().knobs.language = language;
  const guest = world.guests.open(world.vm);
  await guest.prepare(request(), never);
  await guest.quiet(SOON, never);
  expect((await guest.finish(never)).shadowCopies).toHaveLength(2);
  expect(await guest.close()).toBe('closed');
  const heal = world.lab.vss.failWriter(SQL_WRITER_ID, 'freeze', '0x800423F4');
  const second = world.guests.open(world.vm);
  await second.prepare(request(), never);

  expect(await failure(second.quiet(SOON, never))).toMatchObject({
    code: 'E_WRITER_FAILED',
    message: expect.stringContaining('VSS_E_WRITERERROR_NONRETRYABLE (0x800423F4)'),
  });

  heal();
  expect(await second.close()).toBe('closed');
});

test('while another requestor has a set in the making no copy is made, and that is what is told', async () => {
  await open();
  const other = createWindowsGuests({
    clock: systemClock,
    settingsFor: () => ({ access: world.access() }),
  }).open(world.vm);
  const guest = world.guests.open(world.vm);
  await guest.prepare(request(), never);
  await other.prepare({ ...request(), runId: 'other' }, never);

  expect(await failure(guest.quiet(SOON, never))).toMatchObject({
    code: 'E_FREEZE_FAILED',
    message: expect.stringContaining('VSS_E_SNAPSHOT_SET_IN_PROGRESS'),
  });

  expect(await other.close()).toBe('closed');
  expect(await guest.close()).toBe('closed');
});

test('only the set of the run is removed: by its close, and by what a crashed run has in its journal', async () => {
  await open();
  const [kept, crashed] = [world.guests.open(world.vm), world.guests.open(world.vm)];
  await kept.prepare({ ...request(), runId: 'k1k2m3n4-abcdef' }, never);
  await kept.quiet(SOON, never);
  const others = shadows().all();
  records = [];
  await crashed.prepare(request(), never);
  await crashed.quiet(SOON, never);
  expect(shadows().all()).toHaveLength(4);
  const [folderAlone, withSet = {}] = records;

  // The process died before it could write down which set it was: the log in the folder knows.
  for (const resume of [folderAlone ?? {}, withSet]) {
    await world.guests.closeLeftover(world.vm, { resume, mayStandStill: false }, never);
    expect(shadows().all()).toEqual(others);
  }

  expect(await kept.close()).toBe('closed');
  expect(await crashed.close()).toBe('closed');
});

test('a diskshadow that is at work when the run is called off is ended, and makes nothing', async () => {
  await open();
  world.lab.vss.prepareMs = 1500;
  const guest = world.guests.open(world.vm);
  await guest.prepare(request(), never);
  const stop = new AbortController();
  const quiet = failure(guest.quiet(SOON, stop.signal));
  await until(() => shadows().running() === 1, 'a set is in the making');

  stop.abort(new Error('no patience'));

  expect(await quiet).toMatchObject({ code: expect.stringMatching(/^E_/) });
  if ((await guest.close()) === 'unknown')
    await world.guests.closeLeftover(world.vm, { resume: records[0] ?? {}, mayStandStill: false }, never);
  expect(shadows().running()).toBe(0);
});

test('a copy that nobody told of may be another product\u2019s: it is named and left alone until somebody has removed it', async () => {
  await open();
  shadows().knobs.diesUntold = true;
  const guest = world.guests.open(world.vm);
  await guest.prepare(request(), never);
  expect(await failure(guest.quiet(SOON, never))).toMatchObject({ code: 'E_FREEZE_FAILED' });
  expect(await guest.close()).toBe('unknown');
  const clean = () => world.guests.closeLeftover(world.vm, { resume: records[0] ?? {}, mayStandStill: false }, never);
  const [copy] = shadows().all();

  expect(await failure(clean())).toMatchObject({
    code: 'E_LEFTOVERS',
    message: expect.stringContaining(`"{${copy?.id.toUpperCase()}}"`),
    hint: expect.stringContaining('vssadmin delete shadows'),
  });

  expect(shadows().all()).toHaveLength(2);
  shadows().removeAll();
  await clean();
});
