import { FREEZE_SOON, failureOf, until } from '../../contract/guest.ts';
import { DISKS } from '../../contract/linux-guest-world.ts';
import {
  type LinuxToolsWorld,
  startLinuxToolsWorld,
  type ToolsWorldChanges,
} from '../../contract/linux-tools-world.ts';
import { closeLabs } from './lab-vcenter.ts';

let world: LinuxToolsWorld;

const within = () => AbortSignal.timeout(20_000);
const request = { runId: 'l1k2m3n4-abcdef', diskUuids: DISKS, onSession: async () => undefined };

async function open(changes: ToolsWorldChanges = {}) {
  world = await startLinuxToolsWorld(changes);
  return world.guests.open(world.vm);
}

const requests = (operation: string) =>
  world.vcenter.events.events.filter(({ kind, operation: seen }) => kind === 'request' && seen === operation);

afterEach(async () => {
  expect(world.isFrozen()).toBe(false);
  await world.close();
});
afterAll(closeLabs);

test('an account of vCenter without the privilege is refused by its name, and the guest is not asked', async () => {
  const guest = await open({ vcenterUser: 'reader@vsphere.local' });

  const failure = await failureOf(guest.prepare(request, within()));

  expect(failure).toMatchObject({ code: 'E_VCENTER_RIGHTS' });
  expect(failure.message).toContain('VirtualMachine.GuestOperations.Query');
  expect(await guest.close()).toBe('closed');
});

test('a password that the guest refuses is tried once only, also when the session is closed', async () => {
  const guest = await open({ settings: { password: async () => 'wrong-password' } });

  const failure = await failureOf(guest.prepare(request, within()));
  await guest.close();

  expect(failure).toMatchObject({ code: 'E_GUEST_LOGIN', message: expect.stringContaining('"root"') });
  expect(JSON.stringify([failure, failure.cause])).not.toContain('wrong-password');
  const logins = world.vcenter.events.events.filter(({ operation }) => operation === 'refused guest login');
  expect(logins).toHaveLength(1);
});

test('a session that vCenter has ended is opened anew, and the guest is prepared', async () => {
  const guest = await open();
  await guest.prepare(request, within());
  world.vcenter.vcenter.endSessions();

  await guest.quiet(FREEZE_SOON, within());

  expect(await guest.close()).toBe('closed');
});

test('VMware Tools that do not run are told as a guest out of reach', async () => {
  const guest = await open({ toolsRunningStatus: 'guestToolsNotRunning' });

  expect(await failureOf(guest.prepare(request, within()))).toMatchObject({
    code: 'E_GUEST_UNREACHABLE',
    message: expect.stringContaining('GuestOperationsUnavailable'),
  });
});

test('a VM that is off is told as a guest out of reach', async () => {
  const guest = await open();
  world.vcenter.vcenter.setPowerState('pg01', 'poweredOff');

  expect(await failureOf(guest.prepare(request, within()))).toMatchObject({
    code: 'E_GUEST_UNREACHABLE',
    message: expect.stringContaining('InvalidPowerState'),
  });
});

test('a helper that is not installed is named, and no file is left', async () => {
  const guest = await open();
  world.lab.knobs.helperInstalled = false;

  const failure = await failureOf(guest.prepare(request, within()));

  expect(failure).toMatchObject({ code: 'E_GUEST_HELPER', message: expect.stringContaining('exit code 127') });
  expect(await guest.close()).toBe('closed');
  expect(world.filesLeft()).toEqual([]);
});

test('a folder that would stand still with its file system is refused before anything is frozen', async () => {
  const guest = await open({ settings: { memoryFolder: '/var/tmp' } });

  const failure = await failureOf(guest.prepare(request, within()));

  expect(failure).toMatchObject({ code: 'E_GUEST' });
  expect(failure.message).toContain('"/var/tmp"');
  expect(failure.message).toContain('"/"');
});

test('a whole session leaves no file in the guest', async () => {
  const guest = await open();
  await guest.prepare(request, within());
  await guest.quiet(FREEZE_SOON, within());
  await guest.freeze(within());
  await guest.thaw(within());
  expect(world.filesLeft()).not.toEqual([]);

  expect(await guest.close()).toBe('closed');

  expect(world.filesLeft()).toEqual([]);
});

test('VMware Tools that cannot work while the root file system stands still cost the grade, and the lease lets the guest go', async () => {
  const guest = await open();
  await guest.prepare(request, within());
  await guest.quiet(FREEZE_SOON, within());
  world.lab.knobs.toolsWriteLogs = true;

  const freezing = guest.freeze(within()).catch(() => undefined);
  await until(() => world.isFrozen(), 'the guest stands still', 20_000);
  await freezing;
  const verdict = await guest.thaw(within());

  expect(verdict.kind).toBe('expired');
  expect(await guest.close()).toBe('closed');
});

test('a release whose answer is lost is not taken for one that failed without effect: the guest is let go all the same', async () => {
  const guest = await open();
  await guest.prepare(request, within());
  await guest.quiet(FREEZE_SOON, within());
  await guest.freeze(within());
  const lost = { system: 'vcenter', operation: 'StartProgramInGuest', when: 'before', nth: 1 } as const;
  world.vcenter.faults.add({ ...lost, action: { do: 'drop' } });

  expect((await guest.thaw(within())).kind).toBe('expired');
  expect(world.isFrozen()).toBe(false);
});

test('the release is one program that is started in the guest', async () => {
  const guest = await open();
  await guest.prepare(request, within());
  await guest.quiet(FREEZE_SOON, within());
  await guest.freeze(within());
  const before = requests('StartProgramInGuest').length;

  expect((await guest.thaw(within())).kind).toBe('released');

  expect(requests('StartProgramInGuest')).toHaveLength(before + 1);
});
