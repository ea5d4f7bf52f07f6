import { jobSpec } from '../../../src/cli/compose.ts';
import { EXIT_OF_ERROR } from '../../../src/cli/exit-codes.ts';
import { revertVerb } from '../../../src/cli/revert-verb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { JobSpec } from '../../../src/job/job-spec.ts';
import { keepSnapshot } from '../../../src/job/keep.ts';
import { deleteKept } from '../../../src/job/kept-changes.ts';
import { listKept } from '../../../src/job/kept-snapshots.ts';
import { revertVms } from '../../../src/job/revert.ts';
import { planRevert } from '../../../src/job/revert-plan.ts';
import { status } from '../../../src/job/status.ts';
import { ARRAY_ID } from '../../../src/lab/estate-array.ts';
import { MIXED } from '../../../src/lab/estate-storage.ts';
import type { VmInventory } from '../../../src/lab/vcenter/inventory.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { runId } from '../../../src/ports/identity.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';
import { failure } from '../../failure.ts';
import { crashProgram, reapSite, told } from '../reap/crashed-site.ts';
import { openSite, type Site } from './site.ts';

jest.setTimeout(120_000);

const JOB = 'no-freeze';
/** Powered off, with a virtual volume and a raw device. */
const VM = 'mixed01';
const DEVICES = [MIXED.vvol, MIXED.raw];
const MIB = 1024 * 1024;
const never = new AbortController().signal;
const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };

let site: Site;
beforeAll(async () => {
  site = await openSite();
  const { disks } = site.lab.vcenter.vm(VM);
  site.lab.vcenter.changeVm(VM, { disks: disks.filter(({ backing }) => backing.kind !== 'vmfs') });
});
afterAll(() => site.close());
afterEach(async () => {
  site.lab.faults.clear();
  array().knobs = { ...array().knobs, restoresHeld: false };
  // Every revert has ended its restore sessions, and left the snapshots it used.
  expect(DEVICES.filter((device) => statesOf(device).includes('Restored'))).toEqual([]);
  const { snapshots } = await site.withPorts((ports) => listKept(ports, never));
  await removed(...snapshots.map((one) => one.runId));
  expect(site.leftBehind()).toEqual([]);
});

const removed = (...ids: readonly string[]) =>
  site.withPorts((ports) => deleteKept(ports, ids.map(runId), { apply: true }, never));
const array = () => site.lab.unisphere.array(ARRAY_ID);
const statesOf = (device: string) => site.lab.store.snapshots(device).flatMap(({ state }) => state);
const write = (text: string) => {
  for (const device of DEVICES) site.lab.store.open(device).write(MIB, Buffer.from(text.padEnd(32), 'latin1'));
};
const content = () =>
  DEVICES.map((device) => site.lab.store.open(device).read(MIB, 32).toString('latin1').trimEnd()).join();
const of = (text: string) => DEVICES.map(() => text).join();

const context = { job: JOB, integration: 'test', instance: undefined, productRunId: undefined, level: undefined };
/** Keeps a snapshot of VMs as they are. */
const keep = async (vm = VM, change: Partial<JobSpec> = {}): Promise<string> => {
  const spec = jobSpec(loadConfig(site.lab.configFile), JOB, { vms: [vm] });
  const how = { label: undefined, days: 3, rule: 'own' } as const;
  const made = await site.withPorts((ports) =>
    keepSnapshot(ports, { ...spec, collateral: 'warn', ...change }, how, context, never),
  );
  return made.runId;
};
const revert = (snapshot: string, { vm = VM, apply = true, keepCurrent = false, signal = never } = {}) =>
  revertVerb(
    { configFile: site.lab.configFile, reporter: silent, signal },
    { vms: [vm], snapshot, apply, keepCurrent, keepDays: undefined },
  );
/** How the newest run that is over ended. */
const lastOutcome = async () => (await site.withPorts((ports) => status(ports, 1))).at(-1)?.outcome;
/** Another job takes VMs that are off as they are. */
const otherJob = { job: 'linux', vms: [VM], spec: { freeze: 'none', grade: 'crash', collateral: 'warn' } } as const;
const restores = () =>
  site.lab.events.events.filter(
    ({ kind, operation }) => kind === 'request' && operation === 'PUT private/snapshot Restore',
  ).length;

test('a VM is set back to its snapshot, back again to what it was before, and both snapshots stay; a look changes nothing', async () => {
  write('monday');
  const monday = await keep();
  write('tuesday');
  const before = site.lab.events.events.length;

  expect((await revert(monday, { apply: false })).document).toMatchObject({
    applied: false,
    snapshot: { runId: monday },
    vms: [{ name: VM, grade: 'crash' }],
    devices: DEVICES,
  });
  const methods = site.lab.events.since(before).filter(({ kind, system }) => kind === 'request' && system === 'array');
  expect(methods.filter(({ operation }) => !operation.startsWith('GET'))).toEqual([]);
  expect(content()).toBe(of('tuesday'));

  const { document } = await revert(monday, { keepCurrent: true });

  expect(content()).toBe(of('monday'));
  const tuesday = String(document?.currentState);
  const { snapshots } = await site.withPorts((ports) => listKept(ports, never));
  expect(snapshots.map((one) => [one.runId, one.state])).toEqual([
    [monday, 'present'],
    [tuesday, 'present'],
  ]);
  expect(snapshots[1]).toMatchObject({ label: `before the revert to ${monday}`, keep: { days: 3, rule: 'own' } });

  await revert(tuesday);
  expect(content()).toBe(of('tuesday'));
  await revert(monday);
  expect(content()).toBe(of('monday'));
});

test('while the array still copies, the revert waits, and ends the session only then', async () => {
  write('monday');
  const monday = await keep();
  write('tuesday');
  array().knobs = { ...array().knobs, restoresHeld: true };
  const looks = () =>
    site.lab.events.events.filter(({ kind, operation }) => kind === 'request' && operation.startsWith('GET private'))
      .length;

  let isOver = false;
  const reverted = revert(monday).finally(() => {
    isOver = true;
  });
  while (!statesOf(MIXED.raw).includes('Restored') && !isOver) await site.lab.pause(10);
  const seen = looks();
  while (looks() < seen + 4 && !isOver) await site.lab.pause(10);
  expect(site.lab.events.events.filter(({ operation }) => operation === 'end-restore')).toHaveLength(
    site.lab.events.events.filter(({ operation }) => operation === 'restore').length - 1,
  );
  array().knobs = { ...array().knobs, restoresHeld: false };

  await reverted;
  expect(content()).toBe(of('monday'));
});

test.each([
  ['while its request was under way', 'PUT private/snapshot Restore', 'before'],
  ['after the array wrote everything back', 'PUT private/snapshot Restore', 'after'],
  ['before the session was ended', 'DELETE private/snapshot', 'before'],
  ['after the session was ended', 'DELETE private/snapshot', 'after'],
] as const)(
  'killed %s: reap tells it, brings it to its end, and the snapshot stays',
  async (_what, operation, when) => {
    write('monday');
    const monday = await keep();
    write('tuesday');
    const args = ['snaphook.cjs', 'revert', VM, '--snapshot', monday, '--no-keep-current', '--apply'] as const;
    await crashProgram(site.lab, args, { operation, when });
    expect((await failure(revert(monday, { apply: false }))).code).toBe('E_REVERT_IN_USE');
    expect(await removed(monday)).toMatchObject([{ did: 'failed', error: { code: 'E_RUN_OPEN' } }]);

    expect(told(await reapSite(site, { apply: true }))).toEqual([
      'crashed-run removed',
      'kept-snapshot kept',
      'stale-lock removed',
      'stale-lock removed',
    ]);

    expect(content()).toBe(of('monday'));
    expect(await lastOutcome()).toBe('reverted');
    const { snapshots } = await site.withPorts((ports) => listKept(ports, never));
    expect(snapshots).toMatchObject([{ runId: monday, state: 'present' }]);
  },
);

test('until a revert that was killed is at its end, no job takes its devices, although the array shows nothing of it any more', async () => {
  write('monday');
  const monday = await keep();
  const args = ['snaphook.cjs', 'revert', VM, '--snapshot', monday, '--no-keep-current', '--apply'] as const;
  await crashProgram(site.lab, args, { operation: 'DELETE private/snapshot', when: 'after' });
  expect(DEVICES.flatMap(statesOf)).not.toContain('Restored');

  expect(await site.failingPre(otherJob)).toMatchObject({
    code: 'E_RUN_OPEN',
    message: expect.stringMatching(/^revert ".+" is open and sets device ".+" back$/),
  });

  await reapSite(site, { apply: true });
  await site.pre(otherJob);
  await site.lab.linksDefined();
  await site.post(otherJob.job);
});

test('a run that planned a snapshot of the devices after the look of the revert has them: nothing is written back', async () => {
  write('monday');
  const monday = runId(await keep());
  write('tuesday');
  const wish = { snapshotRun: monday, vms: [VM] };
  const before = restores();

  const error = await site.withPorts(async (ports) => {
    const { acquire } = ports.locks;
    const draft = await planRevert(ports, wish, never);
    const afterTheLook: typeof acquire = async (name, ...rest) => {
      if (name === 'plan') await site.pre(otherJob);
      return acquire.call(ports.locks, name, ...rest);
    };
    const late = { ...ports, locks: { ...ports.locks, acquire: afterTheLook } };
    return failure(revertVms(late, wish, draft, context, never));
  });

  expect(error).toMatchObject({ code: 'E_REVERT_IN_USE', message: expect.stringContaining('of job "linux" is open') });
  expect(restores()).toBe(before);
  expect(content()).toBe(of('tuesday'));
  await site.lab.linksDefined();
  await site.post(otherJob.job);
});

test('a VM that is powered on while the array writes back: the disks are said to be set back, and what is in doubt', async () => {
  write('monday');
  const monday = await keep();
  write('tuesday');
  const powerOn = { do: 'call', run: () => site.lab.vcenter.setPowerState(VM, 'poweredOn') } as const;
  site.lab.faults.add({
    system: 'array',
    operation: 'DELETE private/snapshot',
    when: 'after',
    nth: 1,
    action: powerOn,
  });
  try {
    const error = await failure(revert(monday));
    expect(error).toMatchObject({
      code: 'E_REVERT_IN_DOUBT',
      message: expect.stringMatching(
        /^the disks were set back to snapshot ".+", and .+ is in doubt: VM .+ is powered on$/,
      ),
    });
    expect(EXIT_OF_ERROR[error.code]).toBe(20);
  } finally {
    site.lab.vcenter.setPowerState(VM, 'poweredOff');
  }
  expect(content()).toBe(of('monday'));
  expect(await lastOutcome()).toBe('reverted');
});

test('one that is interrupted when the array has begun comes to its end, and does not say that everything was undone', async () => {
  write('monday');
  const monday = await keep();
  write('tuesday');
  const interruption = new AbortController();
  site.lab.faults.add({
    system: 'array',
    operation: 'PUT private/snapshot Restore',
    when: 'after',
    nth: 1,
    action: { do: 'call', run: () => interruption.abort(new SnaphookError('E_INTERRUPTED', 'interrupted by SIGTERM')) },
  });

  expect(await failure(revert(monday, { signal: interruption.signal }))).toMatchObject({
    code: 'E_REVERT_IN_DOUBT',
    message: expect.stringMatching(/^the disks were set back .+interrupted by SIGTERM$/),
  });
  expect(content()).toBe(of('monday'));
  expect(await lastOutcome()).toBe('reverted');
});

test('the state before a revert is no good snapshot of a job that asks for more', async () => {
  const monday = await keep(VM, { grade: 'application', onLowerGrade: 'degrade' });

  const { document } = await revert(monday, { keepCurrent: true });

  const { snapshots } = await site.withPorts((ports) => listKept(ports, never));
  expect(snapshots.find((one) => one.runId === document?.currentState)).toMatchObject({
    isGood: false,
    vms: [{ grade: 'crash' }],
  });
});

test('VMs of which nobody knows whether they have the disks are told and in the way of no revert', async () => {
  write('monday');
  const monday = await keep();
  write('tuesday');
  const { vcenter } = site.lab;
  const strange = (nth: number, connectionState: VmInventory['connectionState']) =>
    vcenter.addVm('DC1', {
      ...vcenter.vm('app02'),
      name: `strange0${nth}`,
      instanceUuid: `11111111-2222-3333-4444-00000000000${nth}`,
      biosUuid: `11111111-2222-3333-4444-00000000001${nth}`,
      connectionState: connectionState ?? 'connected',
    });
  const made = [strange(1, 'invalid'), strange(2, 'inaccessible')];
  const warnings = ['strange01', 'strange02'].map((name) =>
    expect.stringContaining(`whether VM "${name}" has one of the disks too is not known`),
  );
  try {
    expect((await revert(monday, { apply: false })).document).toMatchObject({ warnings });
    expect((await revert(monday)).document).toMatchObject({ applied: true, warnings });
  } finally {
    for (const vm of made) vcenter.removeVm(vm);
  }
  expect(content()).toBe(of('monday'));
});

test('an answer that is lost is looked for: the restore is not asked for twice', async () => {
  write('monday');
  const monday = await keep();
  write('tuesday');
  const before = restores();
  const lost = { system: 'array', when: 'after', nth: 1, action: { do: 'drop' } } as const;
  site.lab.faults.add({ ...lost, operation: 'PUT private/snapshot Restore' });
  site.lab.faults.add({ ...lost, operation: 'DELETE private/snapshot' });

  await revert(monday);

  expect(content()).toBe(of('monday'));
  expect(restores() - before).toBe(1);
});

describe('nothing is written back', () => {
  let monday: string;
  beforeEach(async () => {
    write('monday');
    monday = await keep();
    write('tuesday');
  });

  const refusedAs = async (change: (vm: VmInventory) => Partial<VmInventory>) => {
    const { vcenter } = site.lab;
    const vm = vcenter.vm(VM);
    const before = restores();
    const changed = change(vm);
    vcenter.changeVm(VM, changed);
    try {
      return await failure(revert(monday));
    } finally {
      vcenter.changeVm(VM, { disks: vm.disks, powerState: vm.powerState });
      expect(restores()).toBe(before);
      expect(content()).toBe(of('tuesday'));
    }
  };

  test.each([
    ['while the VM is powered on', () => ({ powerState: 'poweredOn' }), 'E_REVERT_IN_USE', /is powered on/],
    ['while it is suspended', () => ({ powerState: 'suspended' }), 'E_REVERT_IN_USE', /is suspended|is powered on/],
    ['to a disk that was taken off', ({ disks }) => ({ disks: disks.slice(1) }), 'E_VM_CHANGED', /no longer: disk/],
    [
      'to a disk of another size',
      ({ disks }) => ({ disks: disks.map((disk) => ({ ...disk, capacityBytes: disk.capacityBytes - MIB })) }),
      'E_VM_CHANGED',
      /no longer: disk/,
    ],
  ] as readonly [string, (vm: VmInventory) => Partial<VmInventory>, string, RegExp][])(
    '%s',
    async (_what, change, code, message) => {
      expect(await refusedAs(change)).toMatchObject({ code, message: expect.stringMatching(message) });
    },
  );

  test('to a device that somebody else is restoring', async () => {
    const { store } = site.lab;
    const { snapId } = store.establish({ name: 'theirs', devices: [MIXED.raw] });
    const theirs = { name: 'theirs', select: { snapId }, devices: [MIXED.raw] };
    array().knobs = { ...array().knobs, restoresHeld: true };
    store.restore(theirs);
    const before = restores();

    expect(await failure(revert(monday))).toMatchObject({
      code: 'E_REVERT_IN_USE',
      message: `device "${MIXED.raw}" is being restored from a snapshot`,
    });
    expect(restores()).toBe(before);
    store.terminate({ ...theirs, restoreSessionOnly: true });
    store.terminate(theirs);
  });

  test('when it is powered on a moment later, after the first look', async () => {
    const powerOn = { do: 'call', run: () => site.lab.vcenter.setPowerState(VM, 'poweredOn') } as const;
    site.lab.faults.add({ system: 'vcenter', operation: 'Logout', when: 'after', nth: 1, action: powerOn });
    try {
      expect((await failure(revert(monday))).code).toBe('E_REVERT_IN_USE');
    } finally {
      site.lab.vcenter.setPowerState(VM, 'poweredOff');
    }
    expect(content()).toBe(of('tuesday'));
  });

  test('out of a snapshot that is linked, or that the array does not have any more', async () => {
    const [{ name = '', snapId = -1 } = {}] = site.lab.store.snapshots(MIXED.raw);
    const link = { name, select: { snapId }, pairs: [{ source: MIXED.raw, target: '00613' }] };
    site.lab.store.link({ ...link, copy: false });
    expect((await failure(revert(monday))).code).toBe('E_SNAPSHOT_LINKED');
    await site.lab.linksDefined();
    site.lab.store.unlink({ ...link, symforce: true });

    site.lab.store.terminate({ name, select: { snapId }, devices: [MIXED.raw] });
    expect((await failure(revert(monday))).code).toBe('E_SNAPSHOT_NOT_FOUND');
  });
});

test('a file on VMFS, a disk that another VM has too, and a VM that the snapshot does not have are refused', async () => {
  site.lab.vcenter.setPowerState('web01', 'poweredOff');
  site.lab.vcenter.setPowerState('mobile01', 'poweredOff');
  const [onVmfs, shared] = [await keep('web01'), await keep('mobile01')];

  expect(await failure(revert(onVmfs, { vm: 'web01' }))).toMatchObject({
    code: 'E_REVERT',
    message: expect.stringContaining('is a file on a VMFS datastore'),
  });
  expect(await failure(revert(shared, { vm: 'mobile01' }))).toMatchObject({
    code: 'E_REVERT',
    message: expect.stringContaining('VM "partly01" has a disk of the VM too'),
  });
  expect((await failure(revert(shared, { vm: VM }))).code).toBe('E_VM_NOT_FOUND');
});
