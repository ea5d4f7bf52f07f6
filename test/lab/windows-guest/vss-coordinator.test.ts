import { WriteHold } from '../../../src/lab/guest/write-hold.ts';
import { HRESULT } from '../../../src/lab/windows-guest/vss-codes.ts';
import { VssCoordinator } from '../../../src/lab/windows-guest/vss-coordinator.ts';
import { VssKnobs } from '../../../src/lab/windows-guest/vss-knobs.ts';
import type { WriterConfig } from '../../../src/lab/windows-guest/vss-writers.ts';
import { exchangeWriter, inBoxWriters, sqlServerWriter } from '../../../src/lab/windows-guest/vss-writers.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { memoryDevice } from '../guest/memory-device.ts';

const DISKS = ['6000c290000000000000000000000001', '6000c290000000000000000000000002'] as const;
const PACE = new Pace(0.02);

function makeCoordinator(
  writers: readonly WriterConfig[],
  application?: { quiesce(): Promise<void>; resume(): void },
  moreVolumes = 0,
) {
  const hold = new WriteHold();
  const knobs = new VssKnobs();
  const spanning = { mountPoint: 'S:\\', guid: '0a6f1a52-6f0b-4f57-a9a0-333333333333' };
  const disks = DISKS.map((uuid, index) => ({
    uuid,
    device: hold.guard(memoryDevice(4096), uuid),
    label: uuid,
    volumes: [
      { mountPoint: `${'DL'[index]}:\\`, guid: `0a6f1a52-6f0b-4f57-a9a0-${String(index + 1).repeat(12)}` },
      spanning,
      ...Array.from({ length: index === 0 ? moreVolumes : 0 }, (_, number) => ({
        mountPoint: `D:\\mount${number}\\`,
        guid: `0a6f1a52-6f0b-4f57-a9a0-${String(number).padStart(12, '0')}`,
      })),
    ],
  }));
  const events = new EventLog();
  const coordinator = new VssCoordinator({
    guestName: 'guest',
    disks,
    writers,
    application,
    hold,
    knobs,
    pace: PACE,
    events,
  });
  return { coordinator, hold, knobs, disks, events };
}

test('Exchange gives up after 20 seconds of freeze, the others after 60', async () => {
  const { coordinator, knobs } = makeCoordinator([exchangeWriter(['D:\\']), ...inBoxWriters('C:\\')]);
  knobs.writerFreezeMs = 14_000;
  const set = coordinator.start(DISKS, 'copy');
  await set.prepare();

  const result = await set.snapshot({
    commit: async () => {
      await PACE.wait(8000);
      return HRESULT.asyncFinished;
    },
    released: () => undefined,
  });

  expect(result).toBe(HRESULT.asyncFinished);
  const [exchange, ...others] = set.writers();
  expect(exchange).toMatchObject({ name: 'Microsoft Exchange Writer', state: 9, result: '0x800423F2' });
  for (const writer of others) expect(writer).toMatchObject({ state: 5, result: '0x00000000' });
});

test('an application that does not come to rest costs its writer the window, and is let go', async () => {
  let resumed: () => void = () => undefined;
  const application = {
    quiesce: () =>
      new Promise<void>((resolve) => {
        resumed = resolve;
      }),
    resume: () => resumed(),
  };
  const { coordinator } = makeCoordinator([{ ...sqlServerWriter('HOST', ['D:\\']), windowMs: 1000 }], application);
  const set = coordinator.start(DISKS, 'copy');
  await set.prepare();

  await set.snapshot({ commit: async () => HRESULT.asyncFinished, released: () => undefined });

  expect(set.writers()).toMatchObject([{ state: 9, result: '0x800423F2' }]);
});

test('an application that breaks down costs its writer the freeze, and the set goes on without it', async () => {
  let resumed = 0;
  const application = {
    quiesce: () => Promise.reject(new Error('disk on fire')),
    resume: () => {
      resumed += 1;
    },
  };
  const { coordinator, events } = makeCoordinator([sqlServerWriter('HOST', ['D:\\'])], application);
  const set = coordinator.start(DISKS, 'copy');
  await set.prepare();

  const result = await set.snapshot({ commit: async () => HRESULT.asyncFinished, released: () => undefined });

  expect(result).toBe(HRESULT.asyncFinished);
  expect(set.writers()).toMatchObject([{ state: 9, result: '0x800423F4' }]);
  expect(resumed).toBe(1);
  expect(coordinator.frozen).toBe(false);
  expect(events.events.find((event) => event.operation === 'application broke down')?.detail).toEqual({
    writer: 'SqlServerWriter',
    error: 'Error: disk on fire',
  });
});

test('VSS takes 64 volumes into one set and refuses more, and another set can still start', () => {
  const volumes = (more: number) => {
    const { coordinator } = makeCoordinator(inBoxWriters('C:\\'), undefined, more);
    return { coordinator, start: () => coordinator.start([DISKS[0]], 'copy').volumes.length };
  };

  expect(volumes(62).start()).toBe(64);
  const over = volumes(63);
  expect(over.start).toThrow(expect.objectContaining({ result: '0x80042312' }));
  expect(over.coordinator.start([DISKS[1]], 'copy').volumes).toHaveLength(2);
});

test('a spanned volume holds the writes of every disk it lies on, though only one was asked for', async () => {
  const { coordinator, hold, disks } = makeCoordinator(inBoxWriters('C:\\'));
  const set = coordinator.start([DISKS[0]], 'copy');
  await set.prepare();
  let held: readonly boolean[] = [];

  await set.snapshot({
    commit: async () => {
      held = disks.map((disk) => hold.holds(disk.device));
      return HRESULT.asyncFinished;
    },
    released: () => undefined,
  });

  expect(held).toEqual([true, true]);
  expect(set.volumes.find((volume) => volume.mountPoint === 'S:\\')?.disks).toEqual(DISKS);
  expect(coordinator.frozen).toBe(false);
});

test('a writer that fails at identify has no component in the set', async () => {
  const { coordinator, knobs } = makeCoordinator([sqlServerWriter('HOST', ['D:\\'])]);
  const [writer] = [sqlServerWriter('HOST', [])];
  knobs.failWriter(writer.id, 'identify', '0x800423F4');
  const set = coordinator.start(DISKS, 'copy');

  await set.prepare();

  expect(set.components).toEqual([]);
  expect(set.writers()).toMatchObject([{ state: 6, result: '0x800423F4', selected: false }]);
});

test('an abort in the middle of the freeze leaves nothing frozen, and the next set can start', async () => {
  const { coordinator, knobs } = makeCoordinator([sqlServerWriter('HOST', ['D:\\'])]);
  knobs.writerFreezeMs = 5000;
  const set = coordinator.start(DISKS, 'copy');
  await set.prepare();
  const snapshot = set.snapshot({ commit: async () => HRESULT.asyncFinished, released: () => undefined });
  expect(coordinator.frozen).toBe(true);

  set.abort();

  expect(coordinator.frozen).toBe(false);
  await expect(snapshot).rejects.toThrow(/BAD_STATE/);
  expect(() => coordinator.start(DISKS, 'copy')).not.toThrow();
});
