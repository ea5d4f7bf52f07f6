import { PassThrough } from 'node:stream';
import { GuestApplication } from '../../src/lab/guest/guest-application.ts';
import { GuestClock } from '../../src/lab/guest/guest-clock.ts';
import { ProgramInput, type ProgramIo } from '../../src/lab/guest/program.ts';
import { WriteHold } from '../../src/lab/guest/write-hold.ts';
import { ApplicationService } from '../../src/lab/windows-guest/application-service.ts';
import { GuestFiles } from '../../src/lab/windows-guest/guest-files.ts';
import { VssCoordinator } from '../../src/lab/windows-guest/vss-coordinator.ts';
import { vssHelperProgram } from '../../src/lab/windows-guest/vss-helper.ts';
import { VssKnobs } from '../../src/lab/windows-guest/vss-knobs.ts';
import { ResidentSets } from '../../src/lab/windows-guest/vss-resident-sets.ts';
import { inBoxWriters, SQL_SERVER_WRITER, sqlServerWriter } from '../../src/lab/windows-guest/vss-writers.ts';
import { EventLog } from '../../src/lab/world/events.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { memoryDevice } from '../lab/guest/memory-device.ts';
import { labPlugIn, labScript } from './lab-applications.ts';
import type { ApplicationCall, ApplicationsWorld } from './vss-helper-applications-world.ts';
import type { HelperRun } from './vss-helper-conversation.ts';

const DATABASE_DISK = '6000c290000000000000000000000001';
const JOURNAL_DISK = '6000c290000000000000000000000002';
const EMPTY_DISK = '6000c290000000000000000000000003';
const PACE = 0.15;

/** `snaphook-vss.exe` of the lab on a machine of its own. */
export interface LabHelper {
  readonly world: ApplicationsWorld;
  readonly files: GuestFiles;
  /** Runs it with these words to its end. */
  run(words: string, io?: Partial<ProgramIo>): Promise<number>;
}

export async function openLabHelper(): Promise<LabHelper> {
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
  const files = new GuestFiles();
  const residents = new ResidentSets(pace);
  const clock = new GuestClock(pace);
  let hasService = true;
  const applications = new ApplicationService({
    pace,
    clock,
    knobs: knobs.applications,
    isInstalled: () => hasService,
  });
  const program = vssHelperProgram(
    {
      coordinator,
      residents,
      applications,
      pace,
      clock,
      os: 'lab',
      bootId: 'boot',
    },
    { files, whenWritable: async () => undefined },
  );

  const run: LabHelper['run'] = (words, io) =>
    program({
      arguments: words,
      account: 'HOST\\user',
      environment: new Map(),
      stdin: new ProgramInput(),
      write: () => undefined,
      killed: new AbortController().signal,
      ...io,
    });
  const fronts: AbortController[] = [];
  const start = async (): Promise<HelperRun> => {
    const kill = new AbortController();
    fronts.push(kill);
    const stdin = new ProgramInput();
    const output = new PassThrough();
    const exited = run('serve', {
      stdin,
      killed: kill.signal,
      write: (stream, data) => {
        if (stream === 'stdout') output.write(data);
      },
    });
    return {
      write: (bytes) => stdin.push(Buffer.from(bytes)),
      endInput: () => stdin.end(),
      output,
      exited: exited.finally(() => output.end()),
    };
  };

  const calls: ApplicationCall[] = [];
  const beside = knobs.applications;
  const world: ApplicationsWorld = {
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
    addScript: (name, deeds = {}) => {
      beside.scripts = [...beside.scripts, labScript(name, deeds, calls)];
    },
    addPlugIn: (name, deeds = {}) => {
      beside.plugIns = [...beside.plugIns, labPlugIn(name, deeds, calls)];
    },
    addFile: (folder, name) => {
      beside.otherFiles = [...beside.otherFiles, `${folder}\\${name}`];
    },
    calls: () => calls,
    killFronts: () => {
      for (const kill of fronts) kill.abort();
    },
    killService: () => applications.kill(),
    removeService: () => {
      hasService = false;
    },
    close: () => application.close(),
  };
  return { world, files, run };
}
