import type { Guest } from '../../../../src/ports/guest.ts';
import { FREEZE_SOON, failureOf, until } from '../../../contract/guest.ts';
import {
  startWindowsGuestWorld,
  type WindowsGuestWorld,
  type WorldChanges,
} from '../../../contract/windows-guest-world.ts';

let world: WindowsGuestWorld;
let guest: Guest;
let resume: Readonly<Record<string, string>> = {};

const within = (durationMs = 8000) => AbortSignal.timeout(durationMs);
const open = async (changes: WorldChanges = {}) => {
  world = await startWindowsGuestWorld('ntlm-http', { ssh: 'cmd', ...changes });
  guest = world.guests.open(world.vm);
};
const prepare = async () => {
  const onSession = async (record: Readonly<Record<string, string>>) => {
    resume = record;
  };
  await guest.prepare({ runId: 'l1k2m3n4-abcdef', diskUuids: world.diskUuids, onSession }, within());
};

afterEach(async () => {
  world.faults.clear();
  await guest.close();
  await world.close();
});

test('a guest whose DefaultShell is PowerShell is frozen and released like any other', async () => {
  await open({ ssh: 'powershell' });
  await prepare();
  await guest.quiet(FREEZE_SOON, within());
  await guest.freeze(within());
  expect(world.isFrozen()).toBe(true);

  expect((await guest.thaw(within())).kind).toBe('released');
  expect((await guest.finish(within())).finished).toBe(true);
});

test('the session is made of two connections, and its record names program and process, no secret', async () => {
  await open();
  await prepare();

  expect(world.connectionCount()).toBe(2);
  expect(resume).toEqual({
    helperPath: 'C:\\Program Files\\snaphook\\snaphook-vss.exe',
    process: expect.stringMatching(/^\d+-\d+$/),
  });
});

test('connections that break in the freeze are no thaw: the guest is waited for until Windows must have ended the hold', async () => {
  await open({ settings: { holdMs: 1500 } });
  await prepare();
  await guest.freeze(within());

  world.lab.ssh?.dropConnections();
  const verdict = await guest.thaw(within());

  expect(verdict.kind).toBe('expired');
  expect(world.isFrozen()).toBe(false);
});

test('a helper that hears nothing any more is ended over the second connection, and the hold is waited for', async () => {
  await open({ settings: { holdMs: 9000, windowsHoldMs: 1500 } });
  await prepare();
  await guest.freeze(within());
  const connections = world.connectionCount();
  world.lab.ssh?.deafen();

  const verdict = await guest.thaw(within());

  expect(verdict.kind).toBe('expired');
  expect(world.isFrozen()).toBe(false);
  expect(world.sessionCount()).toBe(0);
  expect(world.connectionCount()).toBe(connections);
});

test('a guest without the helper is E_GUEST_HELPER with the path looked at', async () => {
  await open();
  world.lab.vss.helperInstalled = false;

  const failure = await failureOf(prepare());

  expect(failure.code).toBe('E_GUEST_HELPER');
  expect(failure.message).toContain('C:\\Program Files\\snaphook\\snaphook-vss.exe');
});

test('a record whose process has another time of start ends nothing', async () => {
  await open();
  await prepare();
  const [number] = (resume.process ?? '').split('-');

  const foreign = { ...resume, process: `${number}-133000000000000000` };
  await world.guests.closeLeftover(world.vm, { resume: foreign, mayStandStill: false }, within());

  expect(world.sessionCount()).toBe(1);
});

test('a helper that another program starts at the same moment is not taken for ours', async () => {
  await open();
  const other = world.guests.open(world.vm);
  world.faults.add({
    system: 'guest',
    operation: 'exec snaphook-vss.exe',
    when: 'before',
    nth: 1,
    action: {
      do: 'call',
      run: async () => {
        void other
          .prepare({ runId: 'other', diskUuids: world.diskUuids, onSession: async () => undefined }, within())
          .catch(() => undefined);
        await until(() => world.lab.helperCount() === 1, 'the other helper ran');
      },
    },
  });

  const failure = await failureOf(prepare());
  await other.close();

  expect(failure).toMatchObject({ code: 'E_GUEST', retry: 'safe' });
});

test('a refused password is E_GUEST_LOGIN, tried once', async () => {
  await open({ sshPassword: 'wrong' });

  const failure = await failureOf(prepare());
  await failureOf(prepare());

  expect(failure.code).toBe('E_GUEST_LOGIN');
  const tries = world.events.events.filter(({ operation }) => operation === 'login password');
  expect(tries).toHaveLength(1);
});
