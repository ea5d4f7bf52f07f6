import { PassThrough } from 'node:stream';
import { GuestApplication } from '../../src/lab/guest/guest-application.ts';
import { GuestClock } from '../../src/lab/guest/guest-clock.ts';
import { ProgramInput } from '../../src/lab/guest/program.ts';
import { WriteHold } from '../../src/lab/guest/write-hold.ts';
import { GuestFiles } from '../../src/lab/windows-guest/guest-files.ts';
import { VssCoordinator } from '../../src/lab/windows-guest/vss-coordinator.ts';
import { vssHelperProgram } from '../../src/lab/windows-guest/vss-helper.ts';
import { VssKnobs } from '../../src/lab/windows-guest/vss-knobs.ts';
import { ResidentSets } from '../../src/lab/windows-guest/vss-resident-sets.ts';
import { inBoxWriters, SQL_SERVER_WRITER, sqlServerWriter } from '../../src/lab/windows-guest/vss-writers.ts';
import { EventLog } from '../../src/lab/world/events.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { memoryDevice } from '../lab/guest/memory-device.ts';
import { describeVssHelper } from './vss-helper.ts';
import type { HelperWorld } from './vss-helper-bench.ts';
import type { HelperRun } from './vss-helper-conversation.ts';

const DATABASE_DISK = '6000c290000000000000000000000001';
const JOURNAL_DISK = '6000c290000000000000000000000002';
const EMPTY_DISK = '6000c290000000000000000000000003';
const PACE = 0.15;

describeVssHelper('of the lab', async (): Promise<HelperWorld> => {
  const hold = new WriteHold();
  const events = new EventLog();
  const pace = new Pace(PACE);
  const knobs = new VssKnobs();
  const database = hold.guard(memoryDevice(2 * 1024 * 1024), 'database');
  const journal = hold.guard(memoryDevice(1024 * 1024), 'journal');
  const application = await GuestApplication.open({ database, journal, hold, transferPauseMs: 0 });
  application.start();
  let logTruncations = 0;
  const coordinator = new VssCoordinator({
    guestName: 'guest',
    disks: [
      {
        uuid: DATABASE_DISK,
        device: database,
        label: 'database',
        volumes: [{ mountPoint: 'D:\\', guid: '0a6f1a52-6f0b-4f57-a9a0-111111111111' }],
      },
      {
        uuid: JOURNAL_DISK,
        device: journal,
        label: 'journal',
        volumes: [{ mountPoint: 'L:\\', guid: '0a6f1a52-6f0b-4f57-a9a0-222222222222' }],
        rawVolumes: ['0a6f1a52-6f0b-4f57-a9a0-444444444444'],
      },
      { uuid: EMPTY_DISK, device: memoryDevice(4096), label: 'raw', volumes: [] },
    ],
    writers: [sqlServerWriter('HOST', ['D:\\', 'L:\\']), ...inBoxWriters('C:\\')],
    application: {
      quiesce: () => application.quiesce(),
      resume: () => application.resume(),
      logPosition: () => application.logPosition(),
      truncateLog: (position) => {
        application.truncateLog(position);
        logTruncations += 1;
      },
    },
    hold,
    knobs,
    pace,
    events,
  });
  const residents = new ResidentSets(pace);
  const program = vssHelperProgram(
    {
      coordinator,
      residents,
      pace,
      clock: new GuestClock(pace),
      os: 'lab',
      bootId: 'boot',
    },
    { files: new GuestFiles(), whenWritable: async () => undefined },
  );

  const start = async (): Promise<HelperRun> => {
    const stdin = new ProgramInput();
    const output = new PassThrough();
    const exited = program({
      arguments: 'serve',
      account: 'HOST\\user',
      environment: new Map(),
      stdin,
      write: (stream, data) => {
        if (stream === 'stdout') output.write(data);
      },
      killed: new AbortController().signal,
    });
    return {
      write: (bytes) => stdin.push(Buffer.from(bytes)),
      endInput: () => stdin.end(),
      output,
      exited: exited.finally(() => output.end()),
    };
  };

  return {
    disks: [DATABASE_DISK, JOURNAL_DISK],
    emptyDisk: EMPTY_DISK,
    rawVolume: '\\\\?\\Volume{0a6f1a52-6f0b-4f57-a9a0-444444444444}\\',
    writer: SQL_SERVER_WRITER,
    realPerGuestMs: PACE,
    start,
    failWriter: (phase, result) => {
      knobs.failWriter(SQL_SERVER_WRITER, phase, result);
    },
    applicationProgress: () => application.lastAcknowledged,
    fileWritesHeld: () => hold.holds(database) || hold.holds(journal),
    logTruncations: () => logTruncations,
    close: () => application.close(),
  };
});
