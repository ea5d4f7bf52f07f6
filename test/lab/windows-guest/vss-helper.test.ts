import { setImmediate as nextTurn } from 'node:timers/promises';
import { type HelperEvent, VSS_HELPER_PROTOCOL } from '../../../src/guest/windows/vss-helper-protocol.ts';
import { GuestClock } from '../../../src/lab/guest/guest-clock.ts';
import { ProgramInput } from '../../../src/lab/guest/program.ts';
import { WriteHold } from '../../../src/lab/guest/write-hold.ts';
import { ApplicationService } from '../../../src/lab/windows-guest/application-service.ts';
import { GuestFiles } from '../../../src/lab/windows-guest/guest-files.ts';
import { VssCoordinator } from '../../../src/lab/windows-guest/vss-coordinator.ts';
import { vssHelperProgram } from '../../../src/lab/windows-guest/vss-helper.ts';
import { VssKnobs } from '../../../src/lab/windows-guest/vss-knobs.ts';
import { ResidentSets } from '../../../src/lab/windows-guest/vss-resident-sets.ts';
import { exchangeWriter, sqlServerWriter, type WriterConfig } from '../../../src/lab/windows-guest/vss-writers.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { memoryDevice } from '../guest/memory-device.ts';
import { until } from '../guest/until.ts';

const DISK = '6000c290000000000000000000000001';

function startHelper(writers: readonly WriterConfig[], application: { quiesce(): Promise<void>; resume(): void }) {
  const events = new EventLog();
  const pace = new Pace(0.02);
  const clock = new GuestClock(pace);
  const knobs = new VssKnobs();
  const coordinator = new VssCoordinator({
    guestName: 'sql01',
    disks: [
      {
        uuid: DISK,
        device: memoryDevice(4096),
        label: 'disk',
        volumes: [{ mountPoint: 'D:\\', guid: '0a6f1a52-6f0b-4f57-a9a0-111111111111' }],
      },
    ],
    writers,
    application,
    hold: new WriteHold(),
    knobs,
    pace,
    events,
  });
  const stdin = new ProgramInput();
  const told: HelperEvent[] = [];
  const exited = vssHelperProgram(
    {
      coordinator,
      residents: new ResidentSets(pace),
      applications: new ApplicationService({ pace, clock, knobs: knobs.applications, isInstalled: () => true }),
      pace,
      clock,
      os: 'lab',
      bootId: 'boot',
    },
    { files: new GuestFiles(), whenWritable: async () => undefined },
  )({
    arguments: 'serve',
    account: 'HOST\\user',
    environment: new Map(),
    stdin,
    write: (_stream, data) => {
      told.push(JSON.parse(data.toString()) as HelperEvent); // the contract suite checks the shapes
    },
    killed: new AbortController().signal,
  });
  /** Lets go; resolves to the helper's last words after the defect that follows. */
  const release = async () => {
    stdin.push(Buffer.from('T'));
    await until(() => defects().length > 0);
    await nextTurn();
    return told.at(-1);
  };
  const tell = async (command: Readonly<Record<string, unknown>>) => {
    const seen = told.length;
    stdin.push(Buffer.from(`${JSON.stringify(command)}\n`));
    await until(() => told.length > seen);
    return told.at(-1);
  };
  const prepare = () =>
    tell({
      command: 'prepare',
      protocol: VSS_HELPER_PROTOCOL,
      set: 'run',
      disks: [DISK],
      backupType: 'copy',
      mode: 'commit',
      holdMs: 9000,
      excludedWriters: [],
      bootableState: true,
    });
  const defects = () => events.events.filter(({ operation }) => operation === 'lab defect').map(({ detail }) => detail);
  return { coordinator, tell, prepare, release, end: () => stdin.end(), exited, defects };
}

const calm = { quiesce: async () => undefined, resume: () => undefined };
const writer = sqlServerWriter('HOST', ['D:\\']);

test('a defect in the middle of a command is told as failed with E_UNEXPECTED and noted, and the helper goes on', async () => {
  let broken = true;
  const config = {
    ...writer,
    get components() {
      if (broken) throw new Error('no such metadata');
      return writer.components;
    },
  };
  const { prepare, end, exited, defects, coordinator } = startHelper([config], calm);

  expect(await prepare()).toMatchObject({ event: 'failed', phase: 'prepare', result: '0x8000FFFF' });
  expect(defects()).toEqual([{ defect: expect.stringContaining('no such metadata') }]);
  expect(coordinator.frozen).toBe(false);
  broken = false;
  expect(await prepare()).toMatchObject({ event: 'prepared' });
  end();
  expect(await exited).toBe(0);
});

test('a defect after an abort is noted and told to nobody', async () => {
  let broken = false;
  const config = {
    ...writer,
    get name() {
      if (broken) throw new Error('name lost');
      return writer.name;
    },
  };
  let quiescing = false;
  let goOn: () => void = () => undefined;
  const slow = {
    quiesce: () => {
      quiescing = true;
      return new Promise<void>((_resolve, reject) => {
        goOn = () => reject(new Error('too late'));
      });
    },
    resume: () => undefined,
  };
  const { prepare, tell, defects } = startHelper([config], slow);
  await prepare();
  const aborted = tell({ command: 'freeze' });
  await until(() => quiescing);

  expect(await tell({ command: 'abort' })).toEqual({ event: 'aborted' });
  await aborted;
  broken = true;
  goOn();
  await until(() => defects().length > 0);
  broken = false;

  expect(await tell({ command: 'status' })).toEqual({ event: 'status', phase: 'idle' });
});

test('an application that cannot be let go is told as failed, and where even giving up fails the helper ends, not the lab', async () => {
  const stuck = {
    quiesce: async () => undefined,
    resume: () => {
      throw new Error('stuck for good');
    },
  };
  const one = startHelper([writer], stuck);
  await one.prepare();
  expect(await one.tell({ command: 'freeze' })).toMatchObject({ event: 'frozen' });
  expect(await one.release()).toMatchObject({ event: 'failed', phase: 'thaw', result: '0x8000FFFF' });

  const two = startHelper([writer, exchangeWriter(['D:\\'])], stuck);
  await two.prepare();
  await two.tell({ command: 'freeze' });
  await two.release();
  expect(await two.exited).toBe(1);
  expect(two.defects()).toHaveLength(2);
});
