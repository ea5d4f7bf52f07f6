import { AccountLogins } from '../../../src/guest/windows/account-logins.ts';
import type { PreparedGuest } from '../../../src/ports/guest.ts';
import { FREEZE_SOON, failureOf, until } from '../../contract/guest.ts';
import {
  startWindowsToolsWorld,
  type ToolsWorldChanges,
  type WindowsToolsWorld,
} from '../../contract/windows-tools-world.ts';
import { closeLabs } from './lab-vcenter.ts';

/** Room for a message that is said again after a second. */
const PATIENT = { settings: { hold: 'precommit', holdMs: 15_000, windowsHoldMs: 15_000 } } as const;

let world: WindowsToolsWorld;

const within = () => AbortSignal.timeout(30_000);
const request = () => ({ runId: 'l1k2m3n4-abcdef', diskUuids: world.diskUuids, onSession: async () => undefined });

async function open(changes: ToolsWorldChanges = {}) {
  world = await startWindowsToolsWorld(changes);
  return world.guests.open(world.vm);
}

async function ready(changes: ToolsWorldChanges = {}) {
  const guest = await open(changes);
  const prepared: PreparedGuest = await guest.prepare(request(), within());
  await guest.quiet(FREEZE_SOON, within());
  return { guest, prepared };
}

async function frozen(changes: ToolsWorldChanges = {}) {
  const { guest } = await ready(changes);
  await guest.freeze(within());
  return guest;
}

const requests = (operation: string) =>
  world.vcenter.events.events.filter(({ kind, operation: seen }) => kind === 'request' && seen === operation);
const asked = () => world.vcenter.events.events.filter(({ kind }) => kind === 'request');
const lose = (operation: string, when: 'before' | 'after', action: 'drop' | 'hang', nth?: number) =>
  world.vcenter.faults.add({
    system: 'vcenter',
    operation,
    when,
    ...(nth !== undefined && { nth }),
    action: { do: action },
  });

afterEach(async () => {
  expect(world.isFrozen()).toBe(false);
  await world.close();
});
afterAll(closeLabs);

test('the freeze is one program that is started in the guest, the release is one, and nothing is asked between them', async () => {
  const { guest } = await ready();
  const before = requests('StartProgramInGuest').length;
  await guest.freeze(within());
  const whenFrozen = asked().length;
  expect(requests('StartProgramInGuest')).toHaveLength(before + 1);

  expect((await guest.thaw(within())).kind).toBe('released');

  expect(asked()[whenFrozen]?.operation).toBe('StartProgramInGuest');
  expect(requests('StartProgramInGuest')).toHaveLength(before + 2);
  expect(await guest.finish(within())).toMatchObject({ finished: true, result: '0x0004230A' });
});

test('a whole session leaves no file and no process in the guest', async () => {
  const guest = await frozen();
  await guest.thaw(within());
  await guest.finish(within());
  expect(world.filesLeft()).not.toEqual([]);

  expect(await guest.close()).toBe('closed');

  expect(world.filesLeft()).toEqual([]);
  await until(() => world.lab.helperCount() === 0, 'every program of the helper ended');
});

test('a session that was prepared and never froze leaves nobody who waits for its freeze', async () => {
  const { guest } = await ready();
  expect(world.lab.helperCount()).toBe(2);

  expect(await guest.close()).toBe('closed');

  expect(world.filesLeft()).toEqual([]);
  await until(() => world.lab.helperCount() === 0, 'every program of the helper ended');
});

test.each(['drop', 'hang'] as const)(
  'a release that came and whose answer does not (%s) is known by what the helper wrote, and counts',
  async (action) => {
    const guest = await frozen(PATIENT);
    lose('StartProgramInGuest', 'after', action, 1);

    const verdict = await guest.thaw(within());

    expect(verdict.kind).toBe('released');
    expect(world.isFrozen()).toBe(false);
    world.vcenter.faults.clear();
    expect(await guest.close()).toBe('closed');
  },
);

test('a release that never came is said again while the guest stands still', async () => {
  const guest = await frozen(PATIENT);
  lose('StartProgramInGuest', 'before', 'drop', 1);

  expect((await guest.thaw(within())).kind).toBe('released');
  expect(world.isFrozen()).toBe(false);
});

test('a freeze whose answer is lost is heard of all the same', async () => {
  const { guest } = await ready(PATIENT);
  lose('StartProgramInGuest', 'after', 'hang', 1);
  const impatient = new AbortController();
  const freezing = failureOf(guest.freeze(impatient.signal));
  await until(() => world.isFrozen(), 'the guest stands still');
  impatient.abort();

  expect(await freezing).toMatchObject({ code: 'E_FREEZE_FAILED', effect: 'unknown' });
  expect((await guest.thaw(within())).kind).toBe('released');
});

test('a helper that hears nothing any more is terminated, and that is no release', async () => {
  const guest = await frozen({ settings: { holdMs: 9000, windowsHoldMs: 5500, thawPatienceMs: 300 } });
  world.lab.vss.heldIsDeaf = true;

  expect((await guest.thaw(within())).kind).toBe('expired');
  expect(requests('TerminateProcessInGuest')).not.toEqual([]);
  expect(world.lab.helperCount()).toBe(0);
  expect(await guest.close()).toBe('closed');
  expect(world.filesLeft()).toEqual([]);
}, 40_000);

test('a guest of which nobody tells that it stands still, as somebody has ended who would, is heard of when it goes on', async () => {
  const { guest } = await ready();
  const { agent } = world.lab;
  for (const { pid } of agent.processes([]).filter(({ cmdLine }) => / await /.test(cmdLine))) agent.terminate(pid);

  await guest.freeze(within());

  expect(world.isFrozen()).toBe(false);
  expect((await guest.thaw(within())).kind).toBe('expired');
});

test('a guest that starts anew in the window is no release, and its session ends', async () => {
  const guest = await frozen({ settings: { windowsHoldMs: 500 } });
  world.lab.forgetBoot();

  expect((await guest.thaw(within())).kind).toBe('expired');
  expect(await guest.close()).not.toBe('unknown');
  expect(world.filesLeft()).toEqual([]);
});

test('VMware Tools that write a log on the volume that is held cost the grade, and the hold ends by itself', async () => {
  const { guest } = await ready({ drives: ['C:\\', 'E:\\'] });
  world.lab.agent.knobs.toolsWriteLogs = true;

  const freezing = guest.freeze(within()).catch(() => undefined);
  await until(() => world.isFrozen(), 'the guest stands still');
  await freezing;

  expect((await guest.thaw(within())).kind).toBe('expired');
  expect(await guest.close()).toBe('closed');
});

test('the system volume may stand still: nothing is written there until it goes on', async () => {
  const guest = await frozen({ drives: ['C:\\', 'E:\\'] });

  expect((await guest.thaw(within())).kind).toBe('released');
  expect((await guest.finish(within())).finished).toBe(true);
});

test('a password that the guest refuses is tried once only, also when the session is closed', async () => {
  const guest = await open({ password: 'wrong-password' });

  const failure = await failureOf(guest.prepare(request(), within()));
  await guest.close();

  expect(failure).toMatchObject({ code: 'E_GUEST_LOGIN', message: expect.stringContaining('"SQL01\\backup"') });
  expect(JSON.stringify([failure, failure.cause])).not.toContain('wrong-password');
  const logins = world.vcenter.events.events.filter(({ operation }) => operation === 'refused guest login');
  expect(logins).toHaveLength(1);
});

test('a password of a domain account that many guests share is sent to two of them, and to no other', async () => {
  await open({ password: 'wrong-password' });
  const logins = new AccountLogins();
  const login = () => world.access({ username: 'EXAMPLE\\backup', logins }).openCommands(within());

  const failures = await Promise.all(Array.from({ length: 6 }, () => failureOf(login())));

  expect(failures.map(({ code }) => code)).toEqual(Array(6).fill('E_GUEST_LOGIN'));
  expect(failures.filter(({ message }) => message.includes('it was not tried'))).toHaveLength(4);
  expect(world.vcenter.events.events.filter(({ operation }) => operation === 'refused guest login')).toHaveLength(2);
});

test('VMware Tools that do not run are told as a guest out of reach', async () => {
  const guest = await open({ toolsRunningStatus: 'guestToolsNotRunning' });

  expect(await failureOf(guest.prepare(request(), within()))).toMatchObject({
    code: 'E_GUEST_UNREACHABLE',
    message: expect.stringContaining('GuestOperationsUnavailable'),
  });
});

test('a helper that is not installed is named with what to do, and no file is left', async () => {
  const guest = await open();
  world.lab.vss.helperInstalled = false;

  const failure = await failureOf(guest.prepare(request(), within()));

  expect(failure).toMatchObject({ code: 'E_GUEST_HELPER', hint: expect.stringContaining('snaphook guest install') });
  expect(failure.message).toContain('FileNotFound');
  expect(await guest.close()).toBe('closed');
  expect(world.filesLeft()).toEqual([]);
});

test('a record that names no folder of ours is refused, and nothing is removed', async () => {
  await open();
  world.lab.files.makeFolder('C:\\Data');
  const resume = { session: '0'.repeat(32), helperPath: 'C:\\Program Files\\snaphook\\snaphook-vss.exe' };

  for (const folder of ['C:\\Data', 'C:\\Windows\\..\\Data\\snaphook-x\\..', '\\\\server\\share\\snaphook-x']) {
    expect(
      await failureOf(
        world.guests.closeLeftover(world.vm, { resume: { ...resume, folder }, mayStandStill: false }, within()),
      ),
    ).toMatchObject({ code: 'E_GUEST' });
  }
  expect(world.lab.files.isFolder('C:\\Data')).toBe(true);
});

test('more disks than one command line of Windows has room for are told in parts, in their order', async () => {
  const guest = await open();
  const foreign = Array.from({ length: 900 }, (_, index) => `6000c29f${String(index).padStart(24, '0')}`);

  const failure = await failureOf(
    guest.prepare({ ...request(), diskUuids: [...world.diskUuids, ...foreign] }, within()),
  );

  // All of them were understood: the first without a volume is named.
  expect(failure.message).toContain(foreign[0]);
  expect(failure.message).toContain('no volume');
});
