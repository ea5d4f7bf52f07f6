import { existsSync } from 'node:fs';
import { guestOperationsAccess } from '../../src/guest/windows/guest-operations/access.ts';
import { createWindowsGuests } from '../../src/guest/windows/windows-guest.ts';
import type { WindowsGuestSettings } from '../../src/guest/windows/windows-guest-settings.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { moRef } from '../../src/ports/identity.ts';
import { FREEZE_SOON, until } from '../contract/guest.ts';
import type { HelperWorld } from '../contract/vss-helper-bench.ts';
import { wineGuestOperations } from './wine-guest-operations.ts';
import { WineMachine } from './wine-helper-world.ts';

const VM = { name: 'sql01', address: undefined, moRef: moRef('vm-1') };

const machine = new WineMachine();
beforeAll(() => machine.start());
afterAll(() => machine.stop());

let world: HelperWorld;
let operations: ReturnType<typeof wineGuestOperations>;
beforeEach(() => {
  world = machine.world();
  operations = wineGuestOperations(machine);
});
afterEach(async () => {
  expect(world.fileWritesHeld()).toBe(false);
  await until(() => operations.running() === 0, 'every program of the helper ended', 30_000);
  await world.close();
});

const within = () => AbortSignal.timeout(60_000);

function guestsWith(settings: Partial<WindowsGuestSettings> = {}) {
  const server = { of: () => operations, endSession: async () => undefined, close: async () => undefined };
  const account = { username: 'administrator', password: async () => 'secret' };
  return createWindowsGuests({
    clock: systemClock,
    settingsFor: () => ({
      access: guestOperationsAccess({ server, vm: VM, ...account }, systemClock),
      helperPath: machine.helperPath,
      ...settings,
    }),
  });
}

async function frozen(guests: ReturnType<typeof guestsWith>, backupEnd: 'none' | 'told' = 'none') {
  const guest = guests.open(VM);
  let resume: Readonly<Record<string, string>> = {};
  const onSession = async (record: typeof resume) => {
    resume = record;
  };
  await guest.prepare({ runId: 'l1k2m3n4-abcdef', diskUuids: world.disks, backupEnd, onSession }, within());
  await guest.quiet(FREEZE_SOON, within());
  await guest.freeze(within());
  return { guest, resume };
}

test('the adapter for guest operations and the unchanged helper understand each other, from the preparation to the end', async () => {
  const { guest, resume } = await frozen(guestsWith());
  expect(world.fileWritesHeld()).toBe(true);

  const verdict = await guest.thaw(within());

  expect(verdict.kind).toBe('released');
  expect(world.fileWritesHeld()).toBe(false);
  expect(await guest.finish(within())).toMatchObject({ finished: true, result: '0x0004230A' });
  expect(await guest.close()).toBe('closed');
  expect(existsSync((resume.folder ?? '').replace(/^Z:/, '').replaceAll('\\', '/'))).toBe(false);
});

test('a full backup is parked, and another session tells its end', async () => {
  const guests = guestsWith({ backupType: 'full' });
  const { guest } = await frozen(guests, 'told');
  await guest.thaw(within());
  await guest.finish(within());
  await guest.park?.(1, within());
  expect(await guest.close()).toBe('closed');
  expect(world.logTruncations()).toBe(0);

  const backup = { runId: 'l1k2m3n4-abcdef', bootId: undefined, success: true };
  expect(await guests.endBackup?.(VM, backup, within())).toMatchObject({ kind: 'ended' });

  expect(world.logTruncations()).toBe(1);
});

test('the record of a session is enough to let a guest go that stands still, and a second time is no error', async () => {
  const guests = guestsWith();
  const { resume } = await frozen(guests);
  const leftover = { resume, mayStandStill: true };

  await guests.closeLeftover(VM, leftover, within());

  expect(world.fileWritesHeld()).toBe(false);
  await guests.closeLeftover(VM, { ...leftover, mayStandStill: false }, within());
});

test('a session that never froze leaves nobody who waits for it', async () => {
  const guest = guestsWith().open(VM);
  const request = { runId: 'l1k2m3n4-abcdef', diskUuids: world.disks, onSession: async () => undefined };
  await guest.prepare(request, within());
  await guest.quiet(FREEZE_SOON, within());

  expect(await guest.close()).toBe('closed');
});
