import { VSS_HELPER_PROTOCOL } from '../../../src/guest/windows/vss-helper-protocol.ts';
import { GuestClock } from '../../../src/lab/guest/guest-clock.ts';
import { ProgramInput } from '../../../src/lab/guest/program.ts';
import { WriteHold } from '../../../src/lab/guest/write-hold.ts';
import { ApplicationService } from '../../../src/lab/windows-guest/application-service.ts';
import { GuestFiles } from '../../../src/lab/windows-guest/guest-files.ts';
import { VssCoordinator } from '../../../src/lab/windows-guest/vss-coordinator.ts';
import { vssHelperProgram } from '../../../src/lab/windows-guest/vss-helper.ts';
import { VssKnobs } from '../../../src/lab/windows-guest/vss-knobs.ts';
import { ResidentSets } from '../../../src/lab/windows-guest/vss-resident-sets.ts';
import { sqlServerWriter } from '../../../src/lab/windows-guest/vss-writers.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { memoryDevice } from '../guest/memory-device.ts';
import { until } from '../guest/until.ts';

const DISK = '6000c290000000000000000000000001';

function machine(pace = new Pace(0.01)) {
  const events = new EventLog();
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
    writers: [sqlServerWriter('HOST', ['D:\\'])],
    application: undefined,
    hold: new WriteHold(),
    knobs,
    pace,
    events,
  });
  const residents = new ResidentSets(pace);
  const made = async () => {
    const set = coordinator.start([DISK], 'full');
    await set.prepare();
    await set.snapshot({ commit: async () => '0x0004230A', released: () => undefined });
    return set;
  };
  const program = vssHelperProgram(
    {
      coordinator,
      residents,
      applications: new ApplicationService({ pace, clock, knobs: knobs.applications, isInstalled: () => true }),
      pace,
      clock,
      os: 'lab',
      bootId: 'boot',
    },
    { files: new GuestFiles(), whenWritable: async () => undefined },
  );
  const run = async (words: string) => {
    const told: unknown[] = [];
    const exitCode = await program({
      arguments: words,
      account: 'HOST\\user',
      environment: new Map(),
      stdin: new ProgramInput(),
      write: (stream, data) => void (stream === 'stdout' && told.push(JSON.parse(data.toString()))),
      killed: new AbortController().signal,
    });
    return { exitCode, told: told[0] };
  };
  return { events, residents, made, run };
}

test('a parked set whose hours are over has failed, and is there no more', async () => {
  const { events, residents, made } = machine(new Pace(1e-6));
  residents.park('run-1', await made(), 1);
  expect(residents.count).toBe(1);

  await until(() => residents.count === 0);

  expect(() => residents.get('run-1')).toThrow(expect.objectContaining({ result: '0x80042308' }));
  expect(events.events.at(-1)).toMatchObject({ operation: 'BackupComplete', detail: { success: false } });
});

test('a name is parked once, and no more than eight sets are', async () => {
  const { residents, made } = machine();
  residents.park('run-1', await made(), 1);
  expect(() => residents.requireRoom('run-1')).toThrow(expect.objectContaining({ result: '0x8004230D' }));
  for (let run = 2; run <= 8; run += 1) residents.park(`run-${run}`, await made(), 1);

  expect(() => residents.requireRoom('run-9')).toThrow(expect.objectContaining({ result: '0x80042409' }));
  residents.failAll();
  expect(residents.count).toBe(0);
});

test('the helper is registered and taken away as often as asked, tests itself, and tells its version', async () => {
  const { run } = machine();

  expect(await run('version')).toMatchObject({
    exitCode: 0,
    told: { event: 'version', protocol: VSS_HELPER_PROTOCOL },
  });
  expect(await run('uninstall')).toMatchObject({ exitCode: 0, told: { event: 'uninstalled' } });
  expect(await run('uninstall')).toMatchObject({ exitCode: 0 });
  expect(await run('selftest')).toMatchObject({
    exitCode: 1,
    told: { checks: expect.arrayContaining([expect.objectContaining({ name: 'provider-registered', ok: false })]) },
  });
  expect(await run('install')).toMatchObject({ exitCode: 0, told: { event: 'installed' } });
  expect(await run('selftest')).toMatchObject({ exitCode: 0, told: { event: 'selftest' } });
  expect(await run('defrag')).toMatchObject({ exitCode: 2 });
});
