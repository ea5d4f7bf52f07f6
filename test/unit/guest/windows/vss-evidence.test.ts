import type { Guest } from '../../../../src/ports/guest.ts';
import { failureOf, until } from '../../../contract/guest.ts';
import {
  SQL_WRITER_ID,
  startWindowsGuestWorld,
  type WindowsGuestWorld,
  type WorldChanges,
} from '../../../contract/windows-guest-world.ts';

const RUN = 'l1k2m3n4-abcdef';
const BITS_WRITER_ID = '4969d978-be47-48b0-b100-f328f07ac1e0';
/** Long enough for a machine with other work to do. */
const HOLD = { holdMs: 3000, windowsHoldMs: 6000 };

let world: WindowsGuestWorld;
let guest: Guest;

const open = async ({ settings, ...changes }: WorldChanges = {}) => {
  world = await startWindowsGuestWorld('ntlm-http', { ...changes, settings: { ...HOLD, ...settings } });
  guest = world.guests.open(world.vm);
};
const within = (durationMs = 20_000) => AbortSignal.timeout(durationMs);
const prepare = (backupEnd?: 'told' | 'untold' | 'none', of = guest, runId = RUN) => {
  const request = { runId, diskUuids: world.diskUuids, onSession: async () => undefined };
  return of.prepare({ ...request, ...(backupEnd && { backupEnd }) }, within());
};
const freezeAndFinish = async () => {
  await guest.freeze(within());
  await guest.thaw(within());
  return guest.finish(within());
};
const effects = (operation: string) => world.events.events.filter((event) => event.operation === operation);

afterEach(async () => {
  await guest?.close();
  await world.close();
});

describe('a writer that fails', () => {
  test.each([
    ['identify', 6, '0x800423F4', 'Restart the service', 'never'],
    ['prepare-backup', 7, '0x800423F3', 'ten minutes', 'safe'],
  ] as const)('at %s ends the preparation with what to do about it', async (phase, state, result, advice, retry) => {
    await open();
    world.lab.vss.failWriter(SQL_WRITER_ID, phase, result);

    const failure = await failureOf(prepare());

    expect(failure).toMatchObject({ code: 'E_WRITER_FAILED', retry });
    expect(failure.message).toContain(`"SqlServerWriter"`);
    expect(failure.message).toContain(`state ${state}`);
    expect(failure.hint).toContain(advice);
    expect(world.isFrozen()).toBe(false);
  });

  test.each([
    ['prepare-snapshot', 8, '0x800423F1', 'ten minutes', true],
    ['freeze', 9, '0x800423F2', 'did not finish its freeze in time', true],
    ['thaw', 10, '0x800423F4', 'Restart the service', false],
    ['post-snapshot', 11, '0x800423F0', 'add their disks', false],
  ] as const)(
    'at %s is in the evidence with what to do about it, and the guest writes again',
    async (phase, state, result, advice, mayPass) => {
      await open();
      world.lab.vss.failWriter(SQL_WRITER_ID, phase, result);
      await prepare();

      const evidence = await freezeAndFinish();

      const remedy = { advice: expect.stringContaining(advice), mayPass };
      expect(evidence).toMatchObject({
        writersAfter: expect.arrayContaining([
          expect.objectContaining({ name: 'SqlServerWriter', state, hresult: result, required: true, remedy }),
        ]),
      });
      expect(world.isFrozen()).toBe(false);
    },
  );

  test('and was excluded by its class id takes no part, and its failure does not count', async () => {
    await open({ settings: { excludedWriters: [SQL_WRITER_ID] } });
    world.lab.vss.failWriter(SQL_WRITER_ID, 'identify', '0x800423F4');

    expect(await prepare()).toMatchObject({ writersBefore: [{ required: false }, { required: false }] });
  });
});

describe('a component with files on a volume that is not captured', () => {
  const split = (id: string, name: string) => ({
    id,
    name,
    windowMs: 60_000,
    components: [
      { logicalPath: 'SQL01\\app', mountPoints: ['D:\\'] },
      { logicalPath: 'SQL01\\other', mountPoints: ['D:\\', 'X:\\'] },
    ],
    ownsApplication: false,
  });

  test('ends the preparation when its writer is required', async () => {
    await open({ writers: [split(SQL_WRITER_ID, 'SqlServerWriter')] });

    const failure = await failureOf(prepare());

    expect(failure.code).toBe('E_WRITER_FAILED');
    expect(failure.message).toMatch(/"SQL01\\other" of VSS writer "SqlServerWriter".*"X:\\" is missing/);
  });

  test('is in the evidence when it is not', async () => {
    const sql = {
      ...split(SQL_WRITER_ID, 'SqlServerWriter'),
      components: [{ logicalPath: 'db', mountPoints: ['D:\\'] }],
    };
    await open({ writers: [split(BITS_WRITER_ID, 'BITS Writer'), sql], settings: { requiredWriters: ['SqlServer*'] } });

    expect(await prepare()).toMatchObject({
      excludedComponents: [
        { writer: { id: BITS_WRITER_ID, name: 'BITS Writer' }, component: 'SQL01\\other', reason: 'X:\\' },
      ],
    });
  });
});

test('what the event logs of the guest got of a lost hold is in the evidence', async () => {
  await open({ settings: { holdMs: 100, windowsHoldMs: 3000 } });
  await prepare();
  await guest.freeze(within());
  await until(() => !world.isFrozen(), 'the guest lets go by itself');
  expect((await guest.thaw(within())).kind).toBe('expired');

  const evidence = await guest.finish(within());

  expect(evidence).toMatchObject({ finished: false, events: [{ source: 'VSS', id: 12293, level: 'error' }] });
});

test('in precommit the application stands still and nothing else does, and the preparation says so', async () => {
  await open({ settings: { hold: 'precommit' } });
  expect(await prepare()).toMatchObject({ hold: 'precommit', leaseMs: HOLD.holdMs });

  await guest.freeze(within());
  expect([effects('Freeze').length, effects('HoldWrites').length]).toEqual([1, 0]);
  expect((await guest.thaw(within())).kind).toBe('released');

  expect(await guest.finish(within())).toMatchObject({ finished: true, flushed: true });
  expect(effects('HoldWrites')).toHaveLength(1);
});

describe('a guest of full backups', () => {
  test('refuses one whose end nobody will tell, before it opens a connection', async () => {
    await open({ settings: { backupType: 'full' } });

    expect(await failureOf(prepare('untold'))).toMatchObject({ code: 'E_CONFIG' });
    expect(world.connectionCount()).toBe(0);
  });

  test('makes a copy where nothing is backed up', async () => {
    await open({ settings: { backupType: 'full' } });

    expect(await prepare()).toMatchObject({ backupType: 'copy' });
    await freezeAndFinish();
    expect(effects('BackupComplete')).toHaveLength(1);
  });

  test('waits for the end when its session is over, and hears it in another one', async () => {
    await open({ settings: { backupType: 'full' } });
    const { bootId } = Object.assign({ bootId: undefined }, await prepare('told'));
    await freezeAndFinish();
    expect(effects('BackupComplete')).toHaveLength(0);
    await guest.park?.(4, within());
    expect(await guest.close()).toBe('closed');
    expect(world.lab.parkedBackups()).toBe(1);

    const end = await world.guests.endBackup?.(world.vm, { runId: RUN, bootId, success: true }, within());

    expect(end).toMatchObject({ kind: 'ended' });
    expect(effects('BackupComplete').map(({ detail }) => detail)).toMatchObject([
      { success: true, logsTruncated: true },
    ]);
    expect([world.lab.parkedBackups(), world.sessionCount()]).toEqual([0, 0]);
    const again = await world.guests.endBackup?.(world.vm, { runId: RUN, bootId, success: true }, within());
    expect(again).toEqual({ kind: 'lost' });
  });

  test('aborts it when the session ends before it was left there', async () => {
    await open({ settings: { backupType: 'full' } });
    await prepare('told');
    await freezeAndFinish();

    await guest.close();

    expect(effects('AbortBackup')).toHaveLength(1);
    expect(world.lab.parkedBackups()).toBe(0);
  });

  test('asks nothing of a guest that is not the one it was left in', async () => {
    await open({ settings: { backupType: 'full' } });
    await prepare('told');
    await freezeAndFinish();
    await guest.park?.(4, within());
    await guest.close();

    const other = { runId: RUN, bootId: 'another start', success: true };

    expect(await world.guests.endBackup?.(world.vm, other, within())).toEqual({ kind: 'lost' });
    expect(world.lab.parkedBackups()).toBe(1);
  });
});
