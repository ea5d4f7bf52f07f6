import { cpSync } from 'node:fs';
import path from 'node:path';
import { acknowledgedBefore, establishMoments } from '../../../src/cli/demo/observe.ts';
import { type RestoreOptions, restoreVerb } from '../../../src/cli/restore-verb.ts';
import { DATABASE_VM, LINUX_VM } from '../../../src/lab/estate.ts';
import { ESX } from '../../../src/lab/estate-vms.ts';
import { checkDatabase, isConsistent } from '../../../src/lab/guest/database-check.ts';
import type { DiskInventory } from '../../../src/lab/vcenter/inventory.ts';
import { moRef } from '../../../src/ports/identity.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';
import { failure } from '../../failure.ts';
import { NO_RESTORE_OPTIONS } from '../../restore-options.ts';
import { crashProgram, reapSite, told } from '../reap/crashed-site.ts';
import { patiently } from './patiently.ts';
import { openSite, type Site } from './site.ts';

jest.setTimeout(120_000);

const never = new AbortController().signal;
const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const BOTH_DISKS = ['Hard disk 1', 'Hard disk 2'];

/** What a backup product keeps, and the last transaction that its snapshot has for certain. */
interface Backup {
  readonly directory: string;
  readonly lastAcknowledged: number;
}

let site: Site;
let snapvx: Backup;
let managed: Backup;

/** One backup of each route; the VM has two vVols. */
beforeAll(async () => {
  site = await openSite({ estate: { disks: 2, cylinders: 6, disksAre: 'vvol' } });
  snapvx = await backUp('nightly');
  managed = await backUp('managed');
});
afterAll(() => site.close());
beforeEach(() => {
  const { vcenter } = site.lab;
  for (const name of vcenter.vmNames()) if (/restored|-disks-/.test(name)) vcenter.removeVm(name);
});
afterEach(() => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
});

async function backUp(job: string): Promise<Backup> {
  const { events, directory } = site.lab;
  await patiently(() => site.pre({ job, spec: { configurationFiles: 'require' } }));
  const moment = establishMoments(events.events).at(-1);
  if (moment === undefined) throw new Error(`job "${job}" took no snapshot`);
  const kept = path.join(directory, `backup-${job}`);
  cpSync(path.join(directory, 'export', job), kept, { recursive: true });
  await site.post(job);
  return { directory: kept, lastAcknowledged: acknowledgedBefore(site.lab, moment) };
}

const NEW = { as: 'sql01-restored', host: ESX, datastore: 'vvol-ds01', folder: 'DC1/vm/test' } as const;

const restore = ({ directory }: Backup, options: Partial<RestoreOptions>) =>
  restoreVerb(
    { configFile: site.lab.configFile, reporter: silent, signal: never },
    { ...NO_RESTORE_OPTIONS, manifest: directory, ...options },
  );

async function expectDatabase(disks: readonly DiskInventory[], { lastAcknowledged }: Backup): Promise<void> {
  const [database, journal] = disks.map(({ backing }) => {
    if (backing.kind !== 'vvol') throw new Error('a restored disk is no vVol');
    return site.lab.store.open(backing.backingObjectId.slice(-5).toUpperCase());
  });
  if (!database || !journal) throw new Error('there are not both disks');
  const check = await checkDatabase(database, journal);
  expect(isConsistent(check)).toBe(true);
  expect(check.lastTransaction).toBe(lastAcknowledged);
}

test.each([
  ['snapvx', () => snapvx],
  ['managed', () => managed],
])(
  'a VM that is lost is made again of a backup of the route %s: same hardware, own firmware settings, and the database has the last acknowledged transaction',
  async (_route, backupOf) => {
    const { vcenter } = site.lab;
    const lost = vcenter.vm(DATABASE_VM);
    const nvram = vcenter.nvramOf(DATABASE_VM);
    vcenter.removeVm(DATABASE_VM);
    try {
      await restore(backupOf(), NEW);

      const restored = vcenter.vm(NEW.as);
      const { cpus, coresPerSocket, memoryMb, firmware = 'efi', secureBoot } = lost;
      expect(restored).toMatchObject({
        ...{ cpus, coresPerSocket, memoryMb, firmware, secureBoot },
        folder: ['test'],
        powerState: 'poweredOff',
        adapters: [{ type: 'VirtualVmxnet3', network: 'VM Network', addressType: 'generated', startConnected: false }],
      });
      const places = ({ disks }: typeof lost) =>
        disks.map(({ controllerKey, unitNumber, capacityBytes }) => ({ controllerKey, unitNumber, capacityBytes }));
      expect(places(restored)).toEqual(places(lost));
      expect([restored.instanceUuid, restored.biosUuid]).not.toContain(lost.instanceUuid);
      expect(nvram?.length).toBeGreaterThan(0);
      expect(vcenter.nvramOf(NEW.as)).toEqual(nvram);
      await expectDatabase(restored.disks, backupOf());
      expect(await failure(restore(snapvx, NEW))).toMatchObject({ code: 'E_RESTORE' });
    } finally {
      vcenter.addVm('DC1', lost);
    }
  },
);

test('without the right to write files nothing of the VM is made, unless its firmware settings are left out', async () => {
  const { vcenter, faults } = site.lab;
  faults.add({ system: 'vcenter', operation: 'PUT /folder', when: 'before', action: { do: 'answer', status: 403 } });

  expect(await failure(restore(snapvx, NEW))).toMatchObject({ code: 'E_VCENTER_RIGHTS' });
  expect(vcenter.vmNames()).not.toContain(NEW.as);
  const { document } = await restore(snapvx, { ...NEW, nvram: false });
  expect(document?.warnings).toContainEqual(expect.stringContaining('EFI firmware'));
  expect(vcenter.nvramOf(NEW.as)).toBeUndefined();
});

test('a VM that runs gets disks of another, whose files another VM keeps, and the database on them has the last acknowledged transaction', async () => {
  const { vcenter } = site.lab;
  const before = vcenter.vm(LINUX_VM);
  const names = vcenter.vmNames();
  expect(before.powerState).toBe('poweredOn');

  const plan = await restore(snapvx, { disk: BOTH_DISKS, into: LINUX_VM, apply: false });
  expect(plan.document).toMatchObject({ into: { name: LINUX_VM }, datastore: 'vvol-ds01', disks: [{}, {}] });
  expect([vcenter.vm(LINUX_VM).disks, vcenter.vmNames()]).toEqual([before.disks, names]);

  const { document } = await restore(snapvx, { disk: BOTH_DISKS, into: LINUX_VM });
  const added = addedTo(LINUX_VM, before.disks);
  await expectDatabase(added, snapvx);
  expect(added.map(({ diskMode }) => diskMode)).toEqual(['persistent', 'persistent']);
  expect(vcenter.vm(String(document?.name))).toMatchObject({ disks: [], adapters: [], powerState: 'poweredOff' });
  for (const { key } of added) vcenter.removeDisk(LINUX_VM, key);
});

test('a VM gets no disk when it has snapshots, no place that is its own, or work, and nothing is made', async () => {
  const { vcenter } = site.lab;
  const names = vcenter.vmNames();
  const into = (vm: string) => failure(restore(snapvx, { disk: BOTH_DISKS, into: vm }));

  expect(await into('nobody')).toMatchObject({ code: 'E_VM_NOT_FOUND' });
  expect(await into('dup')).toMatchObject({ code: 'E_VM_AMBIGUOUS' });
  expect(await into('template01')).toMatchObject({ code: 'E_RESTORE', message: expect.stringContaining('template') });
  const { controllers = [] } = vcenter.vm('web01');
  vcenter.changeVm('web01', {
    controllers: [{ key: 1000, type: 'ParaVirtualSCSIController', sharedBus: 'physicalSharing' }],
  });
  expect(await into('web01')).toMatchObject({ code: 'E_RESTORE', message: expect.stringContaining('0 free place') });
  vcenter.changeVm('web01', { controllers });
  const end = vcenter.beginTask('web01', { name: 'RelocateVM_Task', descriptionId: 'VirtualMachine.relocate' });
  expect(await into('web01')).toMatchObject({ code: 'E_RESTORE', message: expect.stringContaining('is busy') });
  end();
  const snapshot = { vm: moRef(vcenter.moRefOf('app02')), name: 'own', description: '', quiesce: undefined };
  await site.withPorts(async ({ vmSnapshots }) => vmSnapshots?.create(snapshot, never));
  expect(await into('app02')).toMatchObject({
    code: 'E_RESTORE',
    message: expect.stringContaining('has VM snapshots'),
  });
  expect(vcenter.vmNames()).toEqual(names);
});

test('a VM that was suspended meanwhile gets no disk, and what was brought for it goes', async () => {
  const { vcenter, faults } = site.lab;
  const { disks } = vcenter.vm(LINUX_VM);
  const names = vcenter.vmNames();
  const run = () => vcenter.setPowerState(LINUX_VM, 'suspended');
  faults.add({ system: 'vcenter', operation: 'POST /nfc', when: 'after', nth: 1, action: { do: 'call', run } });

  expect(await failure(restore(snapvx, { disk: ['Hard disk 1'], into: LINUX_VM }))).toMatchObject({
    code: 'E_VM_CHANGED',
  });
  vcenter.setPowerState(LINUX_VM, 'poweredOn');
  expect([vcenter.vm(LINUX_VM).disks, vcenter.vmNames()]).toEqual([disks, names]);
});

test('a VM that others work with at the end gets its disk when they are done', async () => {
  const { vcenter, faults } = site.lab;
  const { disks } = vcenter.vm(LINUX_VM);
  const run = () => vcenter.occupy(LINUX_VM, 2_000);
  faults.add({ system: 'vcenter', operation: 'POST /nfc', when: 'after', nth: 1, action: { do: 'call', run } });

  await restore(snapvx, { disk: ['Hard disk 1'], into: LINUX_VM });
  const added = addedTo(LINUX_VM, disks);
  expect(added).toHaveLength(1);
  for (const { key } of added) vcenter.removeDisk(LINUX_VM, key);
});

test('a restore that dies when the other VM has just got its disk is brought to its end: the disk stays, and is that VM’s alone', async () => {
  const { vcenter } = site.lab;
  const { disks } = vcenter.vm(LINUX_VM);
  const names = vcenter.vmNames();
  const words = ['restore', 'run', snapvx.directory, '--disk', 'Hard disk 1', '--into', LINUX_VM, '--apply'] as const;
  await crashProgram(site.lab, ['snaphook.cjs', ...words], {
    operation: 'ReconfigVM_Task',
    when: 'after',
    system: 'vcenter',
  });

  expect(told(await reapSite(site, { apply: true }))).toContain('crashed-run removed');
  const added = addedTo(LINUX_VM, disks);
  expect(added).toHaveLength(1);
  const [keeper = '', ...others] = vcenter.vmNames().filter((name) => !names.includes(name));
  expect([others, vcenter.vm(keeper).disks]).toEqual([[], []]);
  for (const { key } of added) vcenter.removeDisk(LINUX_VM, key);
});

/** Disks that the VM did not have before. */
function addedTo(vm: string, before: readonly DiskInventory[]): readonly DiskInventory[] {
  return site.lab.vcenter.vm(vm).disks.filter(({ key }) => !before.some((disk) => disk.key === key));
}
