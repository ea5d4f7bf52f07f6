import { DEFAULT_LIMITS, type JobContext } from '../../../src/job/job-spec.ts';
import { RunJournal } from '../../../src/job/journal.ts';
import type { StepName } from '../../../src/job/journal-records.ts';
import type { Plan } from '../../../src/job/plan.ts';
import { type Run, runStep } from '../../../src/job/step.ts';
import { datastoreStep } from '../../../src/job/steps/datastore.ts';
import { devicesStep } from '../../../src/job/steps/devices.ts';
import { registerStep } from '../../../src/job/steps/register.ts';
import { undoSteps } from '../../../src/job/undo.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { UnresolvedCopy } from '../../../src/ports/host-storage.ts';
import { arrayId, deviceId, moRef, wwn } from '../../../src/ports/identity.ts';
import type { JournalLine } from '../../../src/ports/journal.ts';
import { failure } from '../../failure.ts';
import { jobSpec } from './job-spec.ts';
import { MemoryArray } from './worlds/memory-array.ts';
import { datastoreOn, MemoryHosts } from './worlds/memory-hosts.ts';

const signal = new AbortController().signal;
const HOST = moRef('host-1');
const SNAPSHOT = 'snaphook-mb3k2j1f-x8q2zk-aaaaaa';
const PAIRS = [
  { source: deviceId('00201'), target: deviceId('00601'), targetWwn: wwn('60000970000197900046533030363031') },
  { source: deviceId('00202'), target: deviceId('00602'), targetWwn: wwn('60000970000197900046533030363032') },
];
const NAMES = PAIRS.map(({ targetWwn }) => `naa.${targetWwn}`);
const OTHER = 'naa.60000970000197900046533030363939';

const copyOn = (names: readonly string[], more: Partial<UnresolvedCopy> = {}): UnresolvedCopy => ({
  label: 'ds',
  vmfsUuid: 'original',
  extents: names.map((canonicalName) => ({ canonicalName, devicePath: `/${canonicalName}:1` })),
  unresolvable: undefined,
  ...more,
});

/** A linked and presented clone run, whose steps up to `reached` are done. */
async function openRun(...reached: readonly StepName[]) {
  const hosts = new MemoryHosts();
  for (const name of NAMES) hosts.masked.add(name);
  const array = new MemoryArray(arrayId('000197900046'));
  for (const { source, target, targetWwn } of PAIRS) {
    array.devices.set(target, { wwn: targetWwn, groups: new Set(['pool', 'shown']) });
    const targets = new Set([target]);
    array.snapshots.push({ name: SNAPSHOT, snapId: 7, source, createdAtMs: 0, targets });
  }
  // What the steps of a clone read of a plan.
  const plan = {
    runId: 'mb3k2j1f-x8q2zk',
    snapshotName: SNAPSHOT,
    spec: jobSpec({ presentGroup: 'shown', limits: { ...DEFAULT_LIMITS, settleMs: 1, devicesMs: 1000, unlinkMs: 1 } }),
    vms: [],
    devices: PAIRS.map(({ source: device, ...target }) => ({ device, ...target, presentNeeded: true })),
    clone: {
      host: { moRef: HOST, name: 'esx1' },
      pool: moRef('resgroup-1'),
      folder: moRef('group-v1'),
      name: 'copy',
      datastore: { name: 'ds', vmfsUuid: 'original' },
      configFile: 'vm/vm.vmx',
    },
  } as unknown as Plan;
  const lines: JournalLine[] = [];
  const stored = {
    runId: plan.runId,
    append: async (line: JournalLine) => void lines.push(line),
    read: async () => lines,
  };
  const journal = await RunJournal.load(stored, systemClock);
  await journal.opened({} as JobContext); // who called is only kept
  await journal.append({ kind: 'planned', data: plan });
  const warnings: string[] = [];
  const reporter = {
    info: () => undefined,
    warn: (message: string) => void warnings.push(message),
    progress: () => undefined,
  };
  const ports = { hostStorage: hosts, clock: systemClock, reporter };
  const run = { plan, ports, array, journal, openGuests: new Map() } as unknown as Run; // of the ports, those that clones use
  const results: Partial<Record<StepName, unknown>> = {
    capture: { snapId: 7, vms: [] },
    datastore: { moRef: moRef('datastore-9'), name: 'snap-1-ds', vmfsUuid: 'new' },
  };
  for (const step of reached) {
    await journal.append({ kind: 'intent', data: { step } });
    await journal.append({ kind: 'done', data: { step, result: results[step] } });
  }
  return { run, hosts, array, warnings, lines };
}

const isOf = (step: StepName, data: unknown) => (data as { readonly step: StepName }).step === step; // as intents are

const SHOWN = ['capture', 'link', 'host', 'present'] as const;

test('the copy on exactly the targets gets a signature, once however often it is asked for', async () => {
  const { run, hosts } = await openRun(...SHOWN);
  hosts.copies = [copyOn([OTHER]), copyOn(NAMES)].reverse();

  expect(await runStep(run, datastoreStep, signal)).toEqual({
    moRef: 'datastore-9',
    name: 'snap-1-ds',
    vmfsUuid: 'new',
  });
  await runStep(run, datastoreStep, signal);
  expect(hosts.done).toEqual([`resignature ${NAMES.map((name) => `/${name}:1`).join(' ')}`]);
});

test('an ESXi host that never sees the targets is waited for once, not as often as a step is tried', async () => {
  const { run, hosts, lines } = await openRun(...SHOWN);
  hosts.masked.clear();

  const error = await failure(runStep(run, datastoreStep, signal));
  expect(error).toMatchObject({ code: 'E_DATASTORE_COPY', message: expect.stringContaining('did not see all 2') });
  expect(lines.filter(({ kind, data }) => kind === 'intent' && isOf('datastore', data))).toHaveLength(1);
});

test('a proxy that never sees the targets is waited for once, not as often as a step is tried', async () => {
  const { run, lines } = await openRun(...SHOWN);
  const waitForDevices = (_expected: unknown, limit: AbortSignal) =>
    new Promise<never>((_, reject) => limit.addEventListener('abort', () => reject(limit.reason)));
  const proxy = { waitForDevices, visible: async () => NAMES };
  Object.assign(run.ports, { proxy });

  const error = await failure(runStep(run, devicesStep, signal));
  expect(error).toMatchObject({ code: 'E_PROXY_DEVICE', message: expect.stringContaining('did not see all 2') });
  expect(lines.filter(({ kind, data }) => kind === 'intent' && isOf('devices', data))).toHaveLength(1);
});

test.each<[string, readonly UnresolvedCopy[], RegExp]>([
  ['is not there', [], /no VMFS volume/],
  ['includes a device that is no target', [copyOn([...NAMES, OTHER])], /no target of this run/],
  ['lacks an extent', [copyOn(NAMES.slice(1))], /1 of 2 extents/],
  ['lacks an extent, as the host says', [copyOn(NAMES, { unresolvable: 'incomplete-extents' })], /incomplete/],
  ['is there twice', [copyOn(NAMES, { unresolvable: 'multiple-copies' })], /multiple-copies/],
  ['is of another datastore', [copyOn(NAMES, { vmfsUuid: 'foreign' })], /"foreign", not "original"/],
])('nothing is written when the copy %s', async (_what, copies, why) => {
  const { run, hosts } = await openRun(...SHOWN);
  hosts.copies = copies;

  const error = await failure(runStep(run, datastoreStep, signal));
  expect(error).toMatchObject({ code: 'E_DATASTORE_COPY', message: expect.stringMatching(why) });
  expect(hosts.done).toEqual([]);
});

test('a copied VM that names a disk elsewhere is refused, and taken out of the inventory again', async () => {
  const { run, hosts } = await openRun(...SHOWN, 'datastore');
  hosts.datastores = [datastoreOn(NAMES, HOST)];
  hosts.strayFile = '[ds] other/disk.vmdk';

  expect((await failure(runStep(run, registerStep, signal))).code).toBe('E_CLONE');
  expect(await undoSteps(run, { only: ['register'] })).toEqual([]);
  expect(hosts.done).toEqual(['register [snap-1-ds] vm/vm.vmx', 'unregister vm-9']);
});

test.each([
  ['the clone runs', { name: 'copy', vmPathName: '[snap-1-ds] vm/vm.vmx', poweredOff: false }],
  ['another VM has files on the copy', { name: 'neighbour', vmPathName: '[snap-1-ds] nb/nb.vmx', poweredOff: true }],
])('while %s nothing is taken away: not the datastore, not its devices, not the snapshot', async (_what, vm) => {
  const { run, hosts, array } = await openRun(...SHOWN, 'datastore', 'register');
  hosts.datastores = [{ ...datastoreOn(NAMES, HOST), vms: [{ moRef: moRef('vm-9'), ...vm }] }];
  const before = array.dump();

  const errors = await undoSteps(run);
  expect(errors[0]).toMatchObject({ code: 'E_CLONE_IN_USE' });
  expect(hosts.done).toEqual([]);
  expect(array.dump()).toEqual(before);
});

test('a datastore that somebody extended beyond the targets is left mounted, with its devices', async () => {
  const { run, hosts, array } = await openRun(...SHOWN, 'datastore');
  hosts.datastores = [datastoreOn([...NAMES, OTHER], HOST)];
  const before = array.dump();

  expect((await undoSteps(run))[0]).toMatchObject({ code: 'E_DATASTORE_COPY' });
  expect(hosts.done).toEqual([]);
  expect(array.dump()).toEqual(before);
});

test.each([
  ['all targets serve', PAIRS.length],
  ['one target serves', 1],
])('when %s another run by now, the host keeps what it has on them, and the array all of it', async (_what, count) => {
  const { run, hosts, array, warnings } = await openRun(...SHOWN, 'datastore', 'register');
  hosts.datastores = [
    {
      ...datastoreOn(NAMES, HOST),
      vms: [{ moRef: moRef('vm-9'), name: 'x', vmPathName: '[snap-1-ds] vm/vm.vmx', poweredOff: true }],
    },
  ];
  for (const [index, { source, target }] of PAIRS.slice(0, count).entries()) {
    array.snapshots.splice(index, 1, { name: 'other', snapId: 8, source, createdAtMs: 0, targets: new Set([target]) });
  }
  const before = array.dump();

  const errors = await undoSteps(run);
  if (count === PAIRS.length) expect(errors).toEqual([]);
  else expect(errors[0]).toMatchObject({ code: 'E_LEFTOVERS', message: expect.stringContaining('"mb3k2j1f-x8q2zk"') });
  expect(hosts.done).toEqual([]);
  expect(array.dump()).toEqual(before);
  expect(warnings).toContain('a target is not the device of this run any more and is left alone');
});
