import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { observeWindow } from '../../../src/cli/demo/observe.ts';
import type { DiskInventory } from '../../../src/lab/vcenter/inventory.ts';
import { openSite, type Site } from './site.ts';

const VM = 'pg01';
let site: Site;

beforeEach(async () => {
  site = await openSite();
});
afterEach(async () => {
  await site.close();
});

/** Does something in vCenter when that call arrives: `exec serve` comes after the plan, the establish inside the window. */
function whenCalled(system: 'guest' | 'array', operation: string, run: () => Promise<void>): void {
  site.lab.faults.add({ system, operation, when: 'before', nth: 1, action: { do: 'call', run } });
}
const afterPlan = (run: () => Promise<void>) => whenCalled('guest', 'exec serve', run);
const inWindow = (run: () => Promise<void>) => whenCalled('array', 'POST private/snapshot', run);

const moved = (disk: DiskInventory): DiskInventory => ({
  ...disk,
  backing: { kind: 'vmfs', datastore: 'vmfs-ds01', fileName: `[vmfs-ds01] ${VM}/moved.vmdk` },
});

/** As at the end of a storage vMotion of the first disk. */
async function moveDisk(): Promise<void> {
  const [first, ...rest] = site.lab.vcenter.vm(VM).disks;
  if (!first) throw new Error('the VM has no disk');
  site.lab.vcenter.changeVm(VM, { disks: [moved(first), ...rest] });
}

/** How the one run ended, as its journal says. */
function outcome(): string | undefined {
  const closed = path.join(site.lab.directory, 'state/runs/closed');
  const [file = ''] = readdirSync(closed).filter((name) => name.endsWith('.jsonl'));
  return /"outcome":"([^"]+)"/.exec(readFileSync(path.join(closed, file), 'utf8'))?.[1];
}

const isFrozenEver = () => observeFreezes() > 0;
const observeFreezes = () =>
  site.lab.events.events.filter(({ kind, operation }) => kind === 'effect' && /^freeze$/i.test(operation)).length;

test('a disk that was added since the plan stops the run before any guest is frozen', async () => {
  afterPlan(async () => {
    const [first] = site.lab.vcenter.vm(VM).disks;
    if (first) site.lab.vcenter.addDisk(VM, { ...moved(first), key: 2009, unitNumber: 9, label: 'Hard disk 10' });
  });
  const error = await site.failingPre({ job: 'linux' });
  expect(error).toMatchObject({
    code: 'E_VM_CHANGED',
    message: expect.stringMatching(/"pg01".*now: disk "Hard disk 10"/),
  });
  expect(isFrozenEver()).toBe(false);
  expect(outcome()).toBe('nothing-done');
  expect(site.leftBehind()).toEqual([]);
});

test('a task at work on a VM stops the run before any guest is frozen', async () => {
  let end = (): void => undefined;
  afterPlan(async () => {
    end = site.lab.vcenter.beginTask(VM, { name: 'RelocateVM_Task', descriptionId: 'VirtualMachine.relocate' });
  });
  const error = await site.failingPre({ job: 'linux' });
  end();
  expect(error).toMatchObject({ code: 'E_VM_BUSY', message: expect.stringContaining('VirtualMachine.relocate') });
  expect(isFrozenEver()).toBe(false);
  expect(site.leftBehind()).toEqual([]);
});

test('a disk that moves inside the window makes the run fail, guests thawed and the snapshot removed', async () => {
  inWindow(moveDisk);
  const error = await site.failingPre({ job: 'linux', spec: { onLowerGrade: 'degrade' } });
  expect(error).toMatchObject({
    code: 'E_VM_CHANGED',
    message: expect.stringMatching(/"unknown".*during the freeze window: no longer/),
  });
  expect(isFrozenEver()).toBe(true);
  expect(outcome()).toBe('failed');
  expect(site.leftBehind()).toEqual([]);
});

test('a task that begins and ends inside the window makes the run fail', async () => {
  inWindow(async () => {
    site.lab.vcenter.beginTask(VM, { name: 'RelocateVM_Task', descriptionId: 'VirtualMachine.relocate' })();
  });
  const error = await site.failingPre({ job: 'linux' });
  expect(error).toMatchObject({
    code: 'E_VM_CHANGED',
    message: expect.stringContaining('vCenter began "VirtualMachine.relocate"'),
  });
  expect(site.leftBehind()).toEqual([]);
});

test('a vCenter that cannot be asked after the thaw leaves the grade unknown', async () => {
  inWindow(async () => {
    site.lab.faults.add({
      system: 'vcenter',
      operation: 'RetrievePropertiesEx',
      when: 'before',
      action: { do: 'answer', status: 500 },
    });
  });
  const error = await site.failingPre({ job: 'linux' });
  expect(error).toMatchObject({ code: 'E_VM_CHANGED', message: expect.stringContaining('did not tell') });
  expect(site.leftBehind()).toEqual([]);
});

test('both looks are one call each, and none of them in the window', async () => {
  const before = site.lab.events.events.length;
  await site.pre();
  const events = site.lab.events.since(before);
  expect(observeWindow(events)?.calls.vcenter).toBe(0);
  const reads = events.filter(({ kind, operation }) => kind === 'request' && operation === 'RetrievePropertiesEx');
  // Names; the VM and its host's LUNs, as it has a raw device: for the plan, before the freeze and after the thaw.
  expect(reads).toHaveLength(1 + 3 * 2);
  await site.lab.linksDefined();
  await site.post();
  expect(site.leftBehind()).toEqual([]);
});

test('a disk behind an IO filter is refused; with hostCaches warn the grade is crash and says why', async () => {
  const [first, ...rest] = site.lab.vcenter.vm(VM).disks;
  if (!first) throw new Error('the VM has no disk');
  site.lab.vcenter.changeVm(VM, { disks: [{ ...first, ioFilters: ['VENDOR_cache_1.0'] }, ...rest] });
  expect(await site.failingPre({ job: 'linux' })).toMatchObject({
    code: 'E_DISK_UNSUPPORTED',
    message: expect.stringContaining('VENDOR_cache_1.0'),
  });
  const { capture, plan } = await site.pre({ job: 'linux', spec: { hostCaches: 'warn', onLowerGrade: 'degrade' } });
  expect(capture.vms).toMatchObject([{ grade: 'crash', reasons: [expect.stringContaining('held back')] }]);
  expect(plan.vms[0]?.notes.map(({ code }) => code)).toContain('io-filter');
  await site.lab.linksDefined();
  await site.post('linux');
  expect(site.leftBehind()).toEqual([]);
});

test('a VM of a pattern that is not connected is not in the backup, which says so and counts as degraded', async () => {
  site.lab.vcenter.addVm('DC1', {
    ...site.lab.vcenter.vm('app02'),
    name: 'pg02',
    instanceUuid: '11111111-2222-3333-4444-555555555555',
    biosUuid: '11111111-2222-3333-4444-555555555556',
    connectionState: 'disconnected',
  });
  const { plan, degraded } = await site.pre({ job: 'linux', vms: ['like:pg*'] });
  expect(plan.vms.map(({ name }) => name)).toEqual([VM]);
  expect(plan.leftOut).toEqual(['pg02']);
  expect(degraded).toBe(true);
  await site.post('linux');
  expect(site.leftBehind()).toEqual([]);
});
