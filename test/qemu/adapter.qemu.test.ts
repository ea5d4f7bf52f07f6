import { readFileSync } from 'node:fs';
import { createLinuxGuests } from '../../src/guest/linux/linux-guest.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Guests } from '../../src/ports/guest.ts';
import { FREEZE_SOON, failureOf, type GuestWorld, guestContract } from '../contract/guest.ts';
import { type ArrayGuest, startArrayGuest, until } from './array-guest.ts';
import { longestStandstill, startCountingWriter } from './counting-writer.ts';
import { tellFigures } from './figures.ts';
import { DISKS } from './guest-disks.ts';
import { connections, frozenPlaces, helperRemains, installHelper, keepers, records } from './guest-helper.ts';

/** Questions to the guest take some hundred milliseconds each; none may come too late to see it stand still. */
const LEASE_MS = 5000;
const LIMIT_MS = 30_000;
const VM = { name: 'real01', address: '127.0.0.1' };
const UUIDS = DISKS.map(({ serial }) => serial);

let array: ArrayGuest;

beforeAll(async () => {
  array = await startArrayGuest(DISKS);
  await installHelper(array);
}, 420_000);

afterAll(() => array?.close());

/** The adapter as a configuration with these host keys would make it. */
const adapter = (fingerprint = array.guest.hostKeyFingerprint): Guests =>
  createLinuxGuests({
    clock: systemClock,
    settingsFor: () => ({
      address: '127.0.0.1',
      port: array.guest.sshPort,
      login: { kind: 'key', privateKey: async () => readFileSync(array.guest.privateKeyFile, 'utf8') },
      trust: () => ({ kind: 'fingerprints', fingerprints: [fingerprint] }),
      leaseMs: LEASE_MS,
    }),
  });

/** Asked for together: a question takes its time. */
const remains = async () => (await Promise.all([helperRemains(array), frozenPlaces(array)])).flat();

/** One guest for all promises: a boot takes too long for each to have its own. */
async function makeWorld(): Promise<GuestWorld> {
  return {
    guests: adapter(),
    vm: VM,
    diskUuids: UUIDS,
    holdMs: LEASE_MS,
    secrets: [readFileSync(array.guest.privateKeyFile, 'utf8')],
    limitMs: LIMIT_MS,
    isFrozen: async () => (await frozenPlaces(array)).length > 0,
    sessionCount: () => keepers(array),
    leftoverCount: () => records(array),
    connectionCount: () => connections(array),
    close: async () => {
      await until(
        async () => (await remains()).length === 0 || undefined,
        'nothing stood still, and the helper had ended',
      );
    },
  };
}

guestContract('the Linux adapter on a real Linux guest', makeWorld);

const request = { runId: 'l1k2m3n4-abcdef', diskUuids: UUIDS, onSession: async () => undefined };
const within = () => AbortSignal.timeout(LIMIT_MS);

test('disks are found by the serials the guest shows, the partition and btrfs without a device number of its own too', async () => {
  const guest = adapter().open(VM);
  const prepared = await guest.prepare(request, within());
  await guest.close();

  expect(prepared.volumes).toHaveLength(DISKS.length);
  for (const { mountPoint, serial } of DISKS)
    expect(prepared.volumes).toContainEqual({ name: mountPoint, diskUuids: [serial] });
  expect(array.guest.disks.map(({ device, volume }) => volume === device)).toEqual([true, false, true]);
  expect(await array.output('findmnt -no MAJ:MIN /data/btrfs')).toMatch(/^0:/);
});

test('a disk alone freezes its own file system and no other', async () => {
  const [, { serial, mountPoint }] = DISKS;
  const guest = adapter().open(VM);
  await guest.prepare({ ...request, diskUuids: [serial] }, within());
  await guest.quiet(FREEZE_SOON, within());
  await guest.freeze(within());

  expect(await frozenPlaces(array)).toEqual([mountPoint]);

  expect((await guest.thaw(within())).kind).toBe('released');
  await guest.close();
});

test('a guest with another host key than the pinned one is refused, and its helper is not started', async () => {
  const guest = adapter(`SHA256:${'A'.repeat(43)}`).open(VM);

  expect((await failureOf(guest.prepare(request, within()))).code).toBe('E_TLS_UNTRUSTED');

  expect(await helperRemains(array)).toEqual([]);
  await guest.close();
});

test('a busy guest that nobody thaws writes again when the lease is over, as it measures itself', async () => {
  const writer = await startCountingWriter(array);
  const guest = adapter().open(VM);
  await guest.prepare(request, within());
  await guest.quiet(FREEZE_SOON, within());
  const since = await writer.lastRecord();
  const askedMs = performance.now();
  await guest.freeze(within());
  const freezeMs = performance.now() - askedMs;
  await until(async () => (await frozenPlaces(array)).length === 0 || undefined, 'the guest let go');
  const verdict = await guest.thaw(within());
  await guest.close();
  const goesOn = (await writer.lastRecord()) + DISKS.length;
  await until(async () => (await writer.lastRecord()) >= goesOn || undefined, 'the writer went on');
  const { lengthMs } = longestStandstill(await writer.acknowledged(), since);

  expect(await writer.end()).toBe('');
  expect(verdict.kind).toBe('expired');
  // The lease runs from the request, so that the freeze itself takes its time from it.
  expect(lengthMs).toBeGreaterThan(LEASE_MS - freezeMs - 100);
  expect(lengthMs).toBeLessThan(LEASE_MS + 1500);
  tellFigures('lease of the adapter', {
    leaseMs: LEASE_MS,
    freezeMs,
    heldMs: verdict.heldMs,
    writerStoodStillMs: lengthMs,
    overrunMs: lengthMs - LEASE_MS,
  });
});

test('the array met no defect of its own', () => {
  expect(array.events.events.filter(({ detail }) => detail.defect !== undefined)).toEqual([]);
});
