import { createWindowsGuests } from '../../../../src/guest/windows/windows-guest.ts';
import type { WindowsGuestSettings } from '../../../../src/guest/windows/windows-guest-settings.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import type { Guest } from '../../../../src/ports/guest.ts';
import { FREEZE_SOON, failureOf, type GuestWorld, until } from '../../../contract/guest.ts';
import { labPlugIn, labScript } from '../../../contract/lab-applications.ts';
import {
  type ApplicationCall,
  PLUG_IN_ANSWERS,
  type PlugInDeeds,
  type ScriptDeeds,
} from '../../../contract/vss-helper-applications-world.ts';
import { startWindowsGuestWorld, type WindowsGuestWorld } from '../../../contract/windows-guest-world.ts';
import { startWindowsToolsWorld, type WindowsToolsWorld } from '../../../contract/windows-tools-world.ts';

type Settings = Partial<Omit<WindowsGuestSettings, 'access'>>;

/** Long enough for a machine with other work to do. */
const HOLD = { holdMs: 3000, windowsHoldMs: 6000 };
const VOLUME = '\\\\?\\Volume{00000000-0000-4000-8000-000000000000}\\';
const OUTSIDE = '\\\\?\\Volume{00000000-0000-4000-8000-00000000000f}\\';

let world: WindowsGuestWorld | WindowsToolsWorld;
let guest: Guest;
let calls: ApplicationCall[];

const within = () => AbortSignal.timeout(30_000);
const told = () => calls.map(({ name, told: what }) => `${name} ${what}`);
const beside = () => world.lab.vss.applications;

const WAYS = {
  WinRM: (settings: Settings) => startWindowsGuestWorld('ntlm-https', { settings: { ...HOLD, ...settings } }),
  SSH: (settings: Settings) =>
    startWindowsGuestWorld('ntlm-http', { ssh: 'powershell', settings: { ...HOLD, ...settings } }),
  'VMware Tools': (settings: Settings) => startWindowsToolsWorld({ settings: { ...HOLD, ...settings } }),
};

async function open(settings: Settings = {}, way: keyof typeof WAYS = 'WinRM') {
  calls = [];
  world = await WAYS[way](settings);
  guest = (world satisfies GuestWorld).guests.open(world.vm);
}
const prepare = async (
  onSession: (resume: Readonly<Record<string, string>>) => Promise<void> = async () => undefined,
) => {
  await guest.prepare({ runId: 'l1k2m3n4-abcdef', diskUuids: world.diskUuids, onSession }, within());
};
const quiet = async () => {
  await prepare();
  return await guest.quiet(FREEZE_SOON, within());
};
const addScript = (name: string, deeds: ScriptDeeds = {}) => {
  beside().scripts = [...beside().scripts, labScript(name, deeds, calls)];
};
const addPlugIn = (name: string, deeds: PlugInDeeds = {}) => {
  beside().plugIns = [...beside().plugIns, labPlugIn(name, deeds, calls)];
};
const found = (...devices: readonly string[]) => {
  const instances = [{ name: '5432', directories: ['D:\\pg'], devices }];
  return { discover: { output: `${JSON.stringify({ event: 'discovered', instances })}\n` } };
};

afterEach(async () => {
  await guest.close();
  await world.close();
});

test.each(['WinRM', 'SSH', 'VMware Tools'] as const)(
  'by %s scripts and plug-ins are told before the freeze and after the thaw, and are in the evidence',
  async (way) => {
    await open({ applications: ['postgresql', 'ledger'] }, way);
    addScript('10-ledger.cmd', { freeze: { output: 'quiet ledger\n' } });
    addPlugIn('postgresql', found(VOLUME));

    const prepared = await quiet();
    await guest.freeze(within());
    await guest.thaw(within());
    const evidence = await guest.finish(within());

    expect(prepared).toMatchObject({
      applications: [
        { name: 'postgresql', required: true, quiet: true },
        { name: 'ledger', required: true, quiet: true },
      ],
      scripts: [
        { kind: 'script', name: '10-ledger.cmd', phase: 'freeze', exitCode: 0 },
        { kind: 'plug-in', name: 'postgresql', phase: 'freeze', exitCode: 0 },
      ],
    });
    expect(evidence).toMatchObject({
      finished: true,
      scripts: [
        { kind: 'plug-in', name: 'postgresql', phase: 'thaw', exitCode: 0 },
        { kind: 'script', name: '10-ledger.cmd', phase: 'thaw', exitCode: 0 },
      ],
    });
  },
);

test('before anything was told, named applications are not quiet', async () => {
  await open({ applications: ['postgresql'] });
  addPlugIn('postgresql', found(VOLUME));

  const request = { runId: 'l1k2m3n4-abcdef', diskUuids: world.diskUuids, onSession: async () => undefined };
  const prepared = await guest.prepare(request, within());

  expect(prepared).toMatchObject({ applications: [{ name: 'postgresql', required: true, quiet: false }], scripts: [] });
  expect(calls).toEqual([]);
});

test.each<[string, PlugInDeeds, RegExp | undefined]>([
  ['on a volume of the set, in other letters', found(VOLUME.toUpperCase()), undefined],
  ['on a volume that is not captured', found(VOLUME, OUTSIDE), /"5432" has files on .*D:\\pg/],
  ['on no volume that it names', found(), /"5432" tells no file system/],
  ['nowhere, as it failed', { quiesce: { output: '{"event":"failed","message":"no login"}\n' } }, /no login/],
  ['nowhere, as it found no instance', { discover: { output: PLUG_IN_ANSWERS.discover } }, /found no instance/],
])('a plug-in whose application lies %s', async (_, deeds, problem) => {
  await open({ applications: ['postgresql'] });
  addPlugIn('postgresql', deeds);

  const prepared = await quiet();

  const [application] = prepared.strategy === 'vss-provider' ? (prepared.applications ?? []) : [];
  expect(application).toEqual({
    name: 'postgresql',
    required: true,
    quiet: problem === undefined,
    ...(problem && { problem: expect.stringMatching(problem) }),
  });
});

test.each<[string, ScriptDeeds, RegExp]>([
  [
    'fails',
    { freeze: { exitCode: 3, output: 'no such server\n' } },
    /"10-a.cmd" of guest "sql01" ended with 3.*no such server/,
  ],
  ['is late', { freeze: { hangs: true } }, /"10-a.cmd" of guest "sql01" did not end in time/],
])('a script that %s ends the preparation with its name, and nothing is quiet', async (_, deeds, message) => {
  await open({ scriptLimitMs: 500 });
  addScript('10-a.cmd', deeds);

  const failure = await failureOf(quiet());

  expect(failure).toMatchObject({ code: 'E_GUEST', message: expect.stringMatching(message) });
  expect(told()).toEqual(['10-a.cmd freeze', '10-a.cmd freezeFail']);
  expect(world.isFrozen()).toBe(false);
});

test('a file that somebody else may write is named, with what the folder must be like', async () => {
  await open();
  addScript('10-a.cmd');
  beside().writableByOthers = 'scripts.d\\10-a.cmd';

  const failure = await failureOf(quiet());

  expect(failure).toMatchObject({
    code: 'E_GUEST',
    hint: expect.stringContaining('only SYSTEM and Administrators'),
  });
  expect(failure.message).toContain('10-a.cmd');
  expect(calls).toEqual([]);
});

test.each<[string, () => Promise<unknown>]>([
  ['a thaw in place of the freeze', () => guest.thaw(within())],
  ['close', () => guest.close()],
])('%s lets applications go on', async (_, end) => {
  await open();
  addScript('10-a.cmd');
  await quiet();

  await end();

  await until(() => told().length > 1, 'the script was told the end');
  expect(told()).toEqual(['10-a.cmd freeze', '10-a.cmd freezeFail']);
});

test('close waits until the scripts are through', async () => {
  await open();
  addScript('10-a.cmd');
  let isThrough = false;
  const [script] = beside().scripts;
  const slow = async (phase: 'freeze' | 'thaw' | 'freezeFail') => {
    const end = await script?.run(phase);
    // Longer than a helper without scripts may take to end.
    if (phase === 'freezeFail') await systemClock.sleep(2500);
    isThrough = phase === 'freezeFail';
    return end ?? { exitCode: 1, output: '' };
  };
  beside().scripts = [{ name: '10-a.cmd', run: slow }];
  await quiet();

  expect(await guest.close()).toBe('closed');
  expect(isThrough).toBe(true);
});

test('applications go on by themselves when no freeze comes in time, and a later one is refused', async () => {
  await open();
  addScript('10-a.cmd');
  await prepare();
  await guest.quiet({ freezeWithinMs: 200 }, within());
  await until(() => told().length > 1, 'the script was told the end');

  const failure = await failureOf(guest.freeze(within()));

  expect(failure).toMatchObject({ code: 'E_FREEZE_FAILED', message: expect.stringContaining('went on') });
  expect((await guest.thaw(within())).kind).toBe('expired');
});

test.each(['WinRM', 'SSH', 'VMware Tools'] as const)(
  'by %s whoever cleans up after a client that died lets applications go on',
  async (way) => {
    await open({}, way);
    addScript('10-a.cmd');
    const records: Readonly<Record<string, string>>[] = [];
    await prepare(async (resume) => void records.push(resume));
    await guest.quiet(FREEZE_SOON, within());

    const resume = records.at(-1) ?? {};
    await world.guests.closeLeftover(world.vm, { resume, mayStandStill: false }, within());

    await until(() => told().length > 1, 'the script was told the end');
    expect(told()).toEqual(['10-a.cmd freeze', '10-a.cmd freezeFail']);
  },
);

test('for shadow copies nothing is run, and named applications are told as not quiet', async () => {
  await open({ applications: ['postgresql'], strategy: 'vss-diskshadow' });
  addPlugIn('postgresql', found(VOLUME));

  const prepared = await quiet();

  expect(prepared).toMatchObject({
    applications: [
      { name: 'postgresql', required: true, quiet: false, problem: expect.stringContaining('shadow copies') },
    ],
  });
  expect(calls).toEqual([]);
});

test('the way of shadow copies says for which applications nobody could speak there', () => {
  const access = { endpoint: '', username: '' } as WindowsGuestSettings['access']; // never opened
  const guests = createWindowsGuests({
    clock: systemClock,
    settingsFor: () => ({ access, applications: ['postgresql'] }),
  });

  const ways = guests.waysFor({ name: 'sql01', address: undefined });

  expect(ways.map(({ strategy, unspoken }) => [strategy, unspoken])).toEqual([
    ['vss-provider', undefined],
    ['vss-provider', undefined],
    ['vss-diskshadow', ['postgresql']],
  ]);
});
