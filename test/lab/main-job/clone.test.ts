import { renameSync } from 'node:fs';
import path from 'node:path';
import { cloneCreateVerb, cloneDeleteVerb, cloneListVerb } from '../../../src/cli/clone-verbs.ts';
import { jobSpec } from '../../../src/cli/compose.ts';
import { snapshotCreateVerb } from '../../../src/cli/snapshot-create-verb.ts';
import { snapshotDeleteVerb } from '../../../src/cli/snapshot-verbs.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { cloneVm } from '../../../src/job/clone.ts';
import { PROXY_VM } from '../../../src/lab/estate.ts';
import { DATASTORE } from '../../../src/lab/estate-storage.ts';
import { ESX } from '../../../src/lab/estate-vms.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';
import { failure } from '../../failure.ts';
import { crashProgram, loseState, reapSite, told } from '../reap/crashed-site.ts';
import { openSite, type Site } from './site.ts';

jest.setTimeout(120_000);

const MIB = 1024 * 1024;
/** Where the disk of web01 lies on the datastore's first extent. */
const DISK_AT = 24 * MIB;
const VM = 'web01';
const signal = new AbortController().signal;
const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };

let site: Site;
let before: ReturnType<typeof stateOfSite>;
beforeAll(async () => {
  site = await openSite();
  before = stateOfSite();
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
  expect(stateOfSite()).toEqual(before);
  expect(site.lab.events.events.filter(({ operation }) => operation === 'all-paths-down')).toEqual([]);
});

/** What a clone adds to, and must take away again. */
function stateOfSite() {
  const { vcenter } = site.lab;
  return {
    vms: vcenter.vmNames(),
    datastores: vcenter.datastores(),
    host: vcenter.storageOf(ESX),
  };
}

interface CloneChange {
  readonly vm?: string;
  readonly host?: string;
  readonly name?: string;
  readonly snapshot?: string;
}

/** As the command line makes it. */
const clone = ({ vm = VM, host, name, snapshot }: CloneChange = {}) =>
  cloneCreateVerb(call(), { job: 'datastore', vm, host, name, snapshot, folder: undefined, datastore: undefined });

const call = () => ({ configFile: site.lab.configFile, reporter: silent, signal });

const remove = (run: string, apply = true) => cloneDeleteVerb(call(), { run, apply });

const reapAll = () => reapSite(site, { apply: true, includeWaiting: true, olderThanMs: 0 });

/** The device of the datastore that the first disk of the VM lies on, by what vCenter shows of both. */
function deviceOf(vm: string): string {
  const { vcenter, estate } = site.lab;
  const backing = vcenter.vm(vm).disks[0]?.backing;
  const datastore = vcenter
    .datastores()
    .find(({ name }) => backing && 'datastore' in backing && backing.datastore === name);
  const head = datastore?.type === 'VMFS' ? datastore.extents[0] : undefined;
  const found = estate.devices.find(({ id }) => head?.endsWith(Buffer.from(id, 'ascii').toString('hex')));
  if (!found) throw new Error(`the disk of "${vm}" lies on no device of the array`);
  return found.id;
}

const bytesOf = (vm: string) =>
  site.lab.store.open(deviceOf(vm)).read(DISK_AT, 64).toString('latin1').replace(/\0.*$/s, '');
const write = (text: string) =>
  site.lab.store.open(DATASTORE.extents[0] ?? '').write(DISK_AT, Buffer.from(text.padEnd(64, '\0'), 'latin1'));

test('the clone holds the point in time, its writes never reach the original, and deleting it leaves nothing', async () => {
  write('as it was');
  const { document } = await clone({ name: 'web01-test' });
  const runId = String(document?.runId);

  write('and went on');
  expect(bytesOf('web01-test')).toBe('as it was');
  expect(bytesOf(VM)).toBe('and went on');
  const { vcenter } = site.lab;
  const [original, copy] = [vcenter.vm(VM), vcenter.vm('web01-test')];
  expect(copy).toMatchObject({
    powerState: 'poweredOff',
    folder: ['prod'],
    host: ESX,
    extraConfig: { 'uuid.action': 'create' },
  });
  expect([copy.instanceUuid, copy.biosUuid]).not.toContain(original.instanceUuid);
  expect(copy.biosUuid).not.toBe(original.biosUuid);
  // Neighbours come with the datastore, and stay out of the inventory.
  expect(document).toMatchObject({
    clone: { name: 'web01-test', host: ESX, datastore: expect.stringMatching(/^snap-[0-9a-f]{8}-vmfs-ds01$/) },
    unregisteredCopies: expect.arrayContaining(['app02']),
  });
  expect(vcenter.vmNames().filter((name) => name === 'app02')).toHaveLength(1);

  expect((await cloneListVerb(call())).document).toMatchObject({
    clones: [{ runId, name: 'web01-test', of: VM, host: ESX, state: 'present' }],
  });
  // Neither a hook of the job nor reap takes it for theirs.
  await site.pre({ job: 'datastore' });
  await site.post('datastore');
  expect(await reapAll()).toMatchObject([{ finding: { kind: 'waiting-clone', runId }, did: 'kept' }]);

  // Without any journal it is left alone: nobody knows whether something runs on it.
  const state = path.join(site.lab.directory, 'state');
  renameSync(state, `${state}-aside`);
  expect(told(await reapAll())).toEqual(['foreign-snapshot kept']);
  loseState(site.lab);
  renameSync(`${state}-aside`, state);

  vcenter.setPowerState('web01-test', 'poweredOn');
  expect((await failure(remove(runId))).code).toBe('E_CLONE_IN_USE');
  expect(vcenter.vmNames()).toContain('web01-test');
  vcenter.setPowerState('web01-test', 'poweredOff');
  await remove(runId, false);
  expect(vcenter.vmNames()).toContain('web01-test');
  await remove(runId);
  expect((await failure(remove(runId))).code).toBe('E_NO_RUN');
});

test.each([
  ['whose disks are virtual volumes and raw devices', { vm: 'sql01' }, /is a virtual volume|is a raw device/],
  ['on an ESXi host that is not there', { host: 'esx99.lab' }, /0 ESXi hosts/],
  ['under a name that is taken', { name: PROXY_VM }, /there is a VM "proxy01" already/],
])('a clone %s is refused before anything is touched', async (_what, change, message) => {
  const establishes = () =>
    site.lab.events.events.filter(({ operation }) => operation === 'POST private/snapshot').length;
  const count = establishes();

  expect(await failure(clone(change))).toMatchObject({ code: 'E_CLONE', message: expect.stringMatching(message) });
  expect(establishes()).toBe(count);
});

test('without a group that shows devices to the host no copy of a datastore is planned', async () => {
  const spec = { ...jobSpec(loadConfig(site.lab.configFile), 'datastore'), presentGroup: undefined };
  const wish = { host: ESX, name: undefined, folder: undefined, datastore: undefined };
  const context = {
    job: 'datastore',
    integration: 'test',
    instance: undefined,
    productRunId: undefined,
    level: undefined,
  };
  const made = site.withPorts((ports) => cloneVm(ports, spec, wish, context, signal));
  expect(await failure(made)).toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining('clones of VMFS') });
});

test('a disk outside of the folder of the VM is refused: the copy would use the original', async () => {
  const { vcenter } = site.lab;
  const { disks } = vcenter.vm(VM);
  const stray = disks.map((disk) => ({
    ...disk,
    backing: { kind: 'vmfs' as const, datastore: DATASTORE.name, fileName: `[${DATASTORE.name}] other/web01.vmdk` },
  }));
  vcenter.changeVm(VM, { disks: stray, vmPathName: `[${DATASTORE.name}] web01/web01.vmx` });
  try {
    expect(await failure(clone())).toMatchObject({
      code: 'E_CLONE',
      message: expect.stringContaining('outside of the folder'),
    });
  } finally {
    vcenter.changeVm(VM, { disks });
  }
});

test('out of a kept snapshot, twice: neither clone takes it along, and it cannot be deleted before they are', async () => {
  write('as it was');
  const kept = await snapshotCreateVerb(
    { configFile: site.lab.configFile, job: 'datastore', vms: [], label: undefined, keepDays: 1 },
    silent,
    signal,
  );
  const snapshot = String(kept.document?.runId);
  write('and went on');
  const establishes = () =>
    site.lab.events.events.filter(({ operation }) => operation === 'POST private/snapshot').length;
  const count = establishes();
  const deleteKept = () =>
    snapshotDeleteVerb(
      { configFile: site.lab.configFile, reporter: silent, signal },
      { runs: [snapshot], apply: true },
    );

  expect((await failure(clone({ vm: 'app02', snapshot }))).code).toBe('E_VM_NOT_FOUND');
  const { disks } = site.lab.vcenter.vm(VM);
  site.lab.vcenter.changeVm(VM, { disks: disks.map((disk) => ({ ...disk, capacityBytes: MIB })) });
  expect((await failure(clone({ snapshot }))).code).toBe('E_VM_CHANGED');
  site.lab.vcenter.changeVm(VM, { disks });

  const { document } = await clone({ name: 'then', snapshot });
  expect(bytesOf('then')).toBe('as it was');
  expect(document).toMatchObject({ snapshot: { keptBy: snapshot }, vms: [{ name: VM, grade: 'crash' }] });
  expect(establishes()).toBe(count);
  expect(told(await reapAll())).toEqual(['kept-snapshot kept', 'waiting-clone kept']);
  expect((await deleteKept()).document).toMatchObject({
    deletions: [{ did: 'failed', error: { code: 'E_RUN_OPEN' } }],
  });

  await remove(String(document?.runId));
  await crashProgram(site.lab, ['snaphook.cjs', 'clone', VM, '--job', 'datastore', '--snapshot', snapshot], {
    system: 'array',
    operation: 'PUT private/snapshot Link',
    when: 'after',
  });
  expect(told(await reapAll())).toEqual(expect.arrayContaining(['crashed-run removed', 'kept-snapshot kept']));

  const second = await clone({ name: 'then again', snapshot });
  expect(bytesOf('then again')).toBe('as it was');
  await remove(String(second.document?.runId));
  expect((await deleteKept()).document).toMatchObject({ deletions: [{ did: 'deleted', state: 'present' }] });
});

test.each([
  ['its devices were shown to the host', { system: 'array', operation: 'PUT storagegroup', when: 'after' }],
  [
    'the copy is given its signature',
    { system: 'vcenter', operation: 'ResignatureUnresolvedVmfsVolume_Task', when: 'after' },
  ],
  ['the VM is registered', { system: 'vcenter', operation: 'RegisterVM_Task', when: 'after' }],
] as const)(
  'a clone that is killed while %s is cleaned up by reap, to the last device of the host',
  async (_what, point) => {
    await crashProgram(site.lab, ['snaphook.cjs', 'clone', VM, '--job', 'datastore'], point);

    expect(told(await reapAll())).toContain('crashed-run removed');
  },
);
