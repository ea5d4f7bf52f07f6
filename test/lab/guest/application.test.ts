import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlockDevice } from '../../../src/lab/devices/block-device.ts';
import { checkDatabase, isConsistent } from '../../../src/lab/guest/database-check.ts';
import { GuestApplication } from '../../../src/lab/guest/guest-application.ts';
import { WriteHold } from '../../../src/lab/guest/write-hold.ts';
import { type MemoryDevice, memoryDevice } from './memory-device.ts';
import { until } from './until.ts';

const MIB = 1024 * 1024;

interface World {
  readonly application: GuestApplication;
  readonly hold: WriteHold;
  readonly database: MemoryDevice;
  readonly journal: MemoryDevice;
  /** The database's disk as the guest sees it. */
  readonly guarded: BlockDevice;
  readonly writes: () => number;
  /** Calls this after every write of either device. */
  readonly watchWrites: (watch: (writes: number) => void) => void;
}

async function makeWorld(): Promise<World> {
  let writes = 0;
  let watcher: (writes: number) => void = () => undefined;
  const afterWrite = () => {
    writes += 1;
    watcher(writes);
  };
  const database = memoryDevice(2 * MIB, afterWrite);
  const journal = memoryDevice(MIB, afterWrite);
  const hold = new WriteHold();
  const guarded = hold.guard(database, 'database');
  const application = await GuestApplication.open({
    database: guarded,
    journal: hold.guard(journal, 'journal'),
    hold,
    transferPauseMs: 0,
  });
  return {
    application,
    hold,
    database,
    journal,
    guarded,
    writes: () => writes,
    watchWrites: (watch) => {
      watcher = watch;
    },
  };
}

interface Copies {
  readonly database: MemoryDevice;
  readonly journal: MemoryDevice;
  readonly acknowledgedBefore: number;
}

/** Takes copies while the application works: of the first device at a random write, of the second `gap` writes later. */
async function copiesWhileWorking(
  world: World,
  count: number,
  first: 'database' | 'journal' | 'both',
): Promise<readonly Copies[]> {
  const copies: Copies[] = [];
  let next = world.writes() + 200;
  let held: MemoryDevice | undefined;
  world.watchWrites((writes) => {
    if (writes < next || copies.length >= count) return;
    const acknowledgedBefore = world.application.lastAcknowledged;
    if (first === 'both') {
      copies.push({ database: world.database.copy(), journal: world.journal.copy(), acknowledgedBefore });
    } else if (held === undefined) {
      held = world[first].copy();
      next = writes + 1 + Math.floor(Math.random() * 300);
      return;
    } else {
      const later = world[first === 'database' ? 'journal' : 'database'].copy();
      const pair = first === 'database' ? { database: held, journal: later } : { database: later, journal: held };
      copies.push({ ...pair, acknowledgedBefore });
      held = undefined;
    }
    next = writes + 1 + Math.floor(Math.random() * 120);
  });
  world.application.start();
  await until(() => copies.length >= count);
  await world.application.close();
  return copies;
}

const N = 30;

test('copies of both disks at one instant, in the middle of transactions, are always recovered to the last acknowledged transaction', async () => {
  const world = await makeWorld();
  const copies = await copiesWhileWorking(world, N, 'both');

  const checks = await Promise.all(copies.map((copy) => checkDatabase(copy.database, copy.journal)));

  for (const [index, check] of checks.entries()) {
    const before = copies[index]?.acknowledgedBefore ?? Number.NaN;
    expect(check).toMatchObject({ integrity: 'ok', sumInvariant: true, ledgerConsistent: true });
    // The copy may fall between the commit's last write and its acknowledgement.
    expect([before, before + 1]).toContain(check.lastTransaction);
  }
  expect(checks.filter((check) => check.hotJournal).length).toBeGreaterThan(N * 0.8);
});

test('one disk copied some writes after the other is found corrupt in a visible share, whichever comes first', async () => {
  const databaseFirst = await copiesWhileWorking(await makeWorld(), N, 'database');
  const journalFirst = await copiesWhileWorking(await makeWorld(), N, 'journal');

  const bad = async (copies: readonly Copies[]) => {
    const checks = await Promise.all(copies.map((copy) => checkDatabase(copy.database, copy.journal)));
    return checks.filter((check) => !isConsistent(check)).length;
  };

  expect(await bad(databaseFirst)).toBeGreaterThan(N * 0.1);
  expect(await bad(journalFirst)).toBeGreaterThan(N * 0.2);
});

test('a quiesced application leaves a copy without a journal that ends exactly at the last acknowledged transaction', async () => {
  const world = await makeWorld();
  world.application.start();
  for (let round = 0; round < 5; round += 1) {
    const start = world.application.lastAcknowledged;
    await until(() => world.application.lastAcknowledged > start && world.application.inTransaction);
    await world.application.quiesce();
    const check = await checkDatabase(world.database.copy(), world.journal.copy());
    expect(check).toEqual({
      hotJournal: false,
      integrity: 'ok',
      sumInvariant: true,
      ledgerConsistent: true,
      lastTransaction: world.application.lastAcknowledged,
    });
    world.application.resume();
  }
  await world.application.close();
});

test('a hold of writes stops the application in the middle of a transaction, and its release lets it go on', async () => {
  const world = await makeWorld();
  world.application.start();
  const started = world.writes();
  await until(() => world.application.inTransaction && world.writes() > started + 100);

  world.hold.hold([world.guarded]);
  const atHold = world.writes();
  const acknowledged = world.application.lastAcknowledged;
  for (let turn = 0; turn < 200; turn += 1) await nextTurn();

  expect(world.writes()).toBe(atHold);
  expect(world.application.lastAcknowledged).toBe(acknowledged);
  expect(() => world.guarded.write(0, Buffer.alloc(1))).toThrow(
    /lab defect: write to disk "database" while its writes are held/,
  );
  world.hold.release([world.guarded]);
  await until(() => world.application.lastAcknowledged > acknowledged);
  await world.application.close();
});

test('checking an image never changes it', async () => {
  const world = await makeWorld();
  const [copy] = await copiesWhileWorking(world, 1, 'both');
  const folder = mkdtempSync(join(tmpdir(), 'lab-guest-'));
  try {
    const paths = [join(folder, 'database.img'), join(folder, 'journal.img')] as const;
    writeFileSync(paths[0], copy?.database.content ?? '');
    writeFileSync(paths[1], copy?.journal.content ?? '');

    const check = await checkDatabase(...paths);

    expect(isConsistent(check)).toBe(true);
    expect(readFileSync(paths[0]).equals(copy?.database.content ?? Buffer.alloc(0))).toBe(true);
    expect(readFileSync(paths[1]).equals(copy?.journal.content ?? Buffer.alloc(0))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a device without the application is reported as such', async () => {
  const check = await checkDatabase(memoryDevice(MIB), memoryDevice(MIB));

  expect(check).toMatchObject({ hotJournal: false, integrity: 'no database on this device', sumInvariant: false });
});
