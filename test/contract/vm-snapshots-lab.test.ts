import type { ControllerInventory, DiskInventory } from '../../src/lab/vcenter/inventory.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { SnaphookError } from '../../src/ports/errors.ts';
import { moRef } from '../../src/ports/identity.ts';
import type { VmSnapshot, VmSnapshots } from '../../src/ports/vm-snapshots.ts';
import { createVmSnapshots } from '../../src/vsphere/vm-snapshots.ts';
import { closeLabs, startLab, type TestLab } from '../lab/vcenter/lab-vcenter.ts';
import { plainVm } from '../lab/vcenter/sample-inventory.ts';

afterAll(closeLabs);

const signal = new AbortController().signal;
const SOURCE = moRef('vm-102');

interface World {
  readonly lab: TestLab;
  readonly snapshots: VmSnapshots;
  readonly proxy: ReturnType<typeof moRef>;
  /** Takes one of the source and returns it. */
  take(name?: string): Promise<VmSnapshot>;
}

const opened: VmSnapshots[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

function connect(lab: TestLab, username = 'admin@vsphere.local'): VmSnapshots {
  const snapshots = createVmSnapshots({
    url: lab.vcenter.url,
    username,
    password: async () => 'secret',
    tls: { ca: lab.authority.certificate },
    clock: systemClock,
  });
  opened.push(snapshots);
  return snapshots;
}

async function openWorld(proxy: Partial<ReturnType<typeof plainVm>> = {}): Promise<World> {
  const lab = await startLab({}, [
    plainVm('proxy', 80, { controllers: [{ key: 1000, type: 'ParaVirtualSCSIController' }], ...proxy }),
  ]);
  const snapshots = connect(lab);
  const take = async (name = 'snaphook-test') => {
    await snapshots.create({ vm: SOURCE, name, description: 'ours', quiesce: undefined }, signal);
    const [found] = await snapshots.find({ vm: SOURCE, name }, signal);
    if (!found) throw new Error('the snapshot was not found');
    return found;
  };
  return { lab, snapshots, proxy: moRef(lab.vcenter.moRefOf('proxy')), take };
}

const failure = async (work: Promise<unknown>): Promise<SnaphookError> => {
  try {
    await work;
  } catch (error) {
    return error as SnaphookError; // the tests look at its fields; anything else fails them
  }
  throw new Error('it succeeded');
};

test('a snapshot is found by its exact name with what vCenter says of it, and removed', async () => {
  const { lab, snapshots, take } = await openWorld();
  const before = lab.vcenter.vm('rdm01').disks;
  const taken = await take();
  await take('snaphook-test-2');
  expect(await snapshots.tasksOf(SOURCE, signal)).toContainEqual({
    id: expect.stringMatching(/^task-\d+$/),
    kind: 'VirtualMachine.createSnapshot',
    atWork: false,
  });

  expect(taken).toMatchObject({ vm: SOURCE, name: 'snaphook-test', description: 'ours', quiesced: false });
  expect(Math.abs((taken.createdAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
  expect((await snapshots.list({ namePrefix: 'snaphook-' }, signal)).map(({ name }) => name)).toEqual([
    'snaphook-test',
    'snaphook-test-2',
  ]);
  for (const one of await snapshots.list({ namePrefix: 'snaphook-' }, signal)) await snapshots.remove(one, signal);
  await snapshots.remove(taken, signal);
  expect(lab.vcenter.vm('rdm01').disks).toEqual(before);
  expect(await snapshots.consolidationNeeded(SOURCE, signal)).toBe(false);
});

test('the disks of a snapshot are those that are part of it, with the files of the point in time', async () => {
  const { snapshots, take } = await openWorld();
  const disks = await snapshots.disksOf((await take()).moRef, signal);

  expect(disks).toEqual([
    expect.objectContaining({
      key: 2000,
      fileName: '[VMFS-1] rdm01/rdm01.vmdk',
      diskUuid: expect.stringMatching(/^6000c29/),
    }),
  ]);
});

test('a tracked disk has a change id in a snapshot, and vCenter tells what changed since the one before', async () => {
  const { lab, snapshots, take } = await openWorld();
  const taken = await take();
  const [untracked] = await snapshots.disksOf(taken.moRef, signal);
  expect(untracked).not.toHaveProperty('changeId');
  const { key = 0, capacityBytes = 0 } = untracked ?? {};
  lab.vcenter.changeVm('rdm01', { changeTrackingEnabled: true });
  lab.vcenter.resetChangeTracking('rdm01');
  const changeIdIn = async ({ moRef: snapshot }: VmSnapshot) =>
    (await snapshots.disksOf(snapshot, signal)).find((disk) => disk.key === key)?.changeId ?? '';
  const first = await changeIdIn(await take('first'));
  const second = await take('second');

  const of = { vm: SOURCE, snapshot: second.moRef, key, capacityBytes };
  // The lab has no content of disks on VMFS: it names them whole.
  expect(await snapshots.changedAreas({ ...of, changeId: first }, signal)).toEqual([
    { startBytes: 0, lengthBytes: capacityBytes },
  ]);
  expect([taken.isOnly, second.isOnly]).toEqual([true, false]);
  expect(await failure(snapshots.changedAreas({ ...of, changeId: `${first}7` }, signal))).toMatchObject({
    code: 'E_VCENTER',
    message: expect.stringContaining('FileFault'),
  });
});

test('a disk is added to the proxy VM, found there by its serial, and detached with its file and nothing else', async () => {
  const { lab, snapshots, proxy, take } = await openWorld();
  const own = lab.vcenter.vm('proxy').disks;
  const [disk] = await snapshots.disksOf((await take()).moRef, signal);
  const files = [disk?.fileName ?? ''];
  await snapshots.attach({ proxyVm: proxy, files }, signal);

  expect((await snapshots.proxyVm(proxy, signal)).disks).toContainEqual({
    diskUuid: disk?.diskUuid,
    fileName: files[0],
    isDiscarding: true,
  });
  expect(lab.vcenter.vm('proxy').disks[1]).toMatchObject({ diskMode: 'independent_nonpersistent', unitNumber: 1 });
  const [bootFile] = own.flatMap(({ backing }) => ('fileName' in backing ? [backing.fileName] : []));
  await snapshots.detach({ proxyVm: proxy, files: [...files, bootFile ?? ''] }, signal);
  await snapshots.detach({ proxyVm: proxy, files }, signal);
  expect(lab.vcenter.vm('proxy').disks).toEqual(own);
  expect(lab.events.events.filter(({ operation }) => operation === 'destroy-disk')).toEqual([]);
});

test('the host of the proxy VM is told with the datastores it mounts, and with those it does not reach', async () => {
  const { lab, snapshots, proxy } = await openWorld();
  const shown = async () => {
    const { name, datastores } = await snapshots.hostOfProxyVm(proxy, signal);
    return [name, datastores.length, datastores.filter(({ accessible }) => !accessible).length];
  };
  const [host, mounted] = await shown();
  expect(host).toBe('esx1.example.org');
  expect(mounted).toBeGreaterThan(1);

  lab.vcenter.changeDatastore('VMFS-1', { unreachedBy: ['esx1.example.org', 'esx2.example.org'] });
  expect(await shown()).toEqual([host, mounted, 1]);
  lab.vcenter.changeDatastore('VMFS-1', { hosts: ['esx2.example.org'] });
  expect(await shown()).toEqual([host, Number(mounted) - 1, 0]);
});

test('a disk whose host does not mount, or not reach, its datastore cannot be added', async () => {
  const { lab, snapshots, proxy, take } = await openWorld();
  const [disk] = await snapshots.disksOf((await take()).moRef, signal);
  const attach = () => snapshots.attach({ proxyVm: proxy, files: [disk?.fileName ?? ''] }, signal);

  lab.vcenter.changeDatastore('VMFS-1', { hosts: ['esx2.example.org'] });
  expect(await failure(attach())).toMatchObject({ message: expect.stringContaining('CannotAccessFile') });
  lab.vcenter.changeDatastore('VMFS-1', {
    hosts: ['esx1.example.org', 'esx2.example.org'],
    unreachedBy: ['esx1.example.org'],
  });
  expect(await failure(attach())).toMatchObject({ message: expect.stringContaining('CannotAccessFile') });
});

test('a disk that is in use is refused with the VM and the host that have it, or with the word that none is shown', async () => {
  const { lab, snapshots, proxy, take } = await openWorld();
  const other = moRef(lab.vcenter.moRefOf('chained'));
  lab.vcenter.changeVm('chained', { powerState: 'poweredOn' });
  const [disk] = await snapshots.disksOf((await take()).moRef, signal);
  const files = [disk?.fileName ?? ''];
  await snapshots.attach({ proxyVm: other, files }, signal);

  expect(await failure(snapshots.attach({ proxyVm: proxy, files }, signal))).toMatchObject({
    code: 'E_VCENTER',
    message: `file "${files[0]}" is in use: VM "chained" on ESXi host "esx1.example.org" has it as a disk`,
    retry: 'safe',
  });
  await snapshots.detach({ proxyVm: other, files }, signal);

  const fault = `<f xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="FileLocked"><file>${files[0]}</file></f>`;
  const body = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>ServerFaultCode</faultcode><faultstring>locked</faultstring><detail>${fault}</detail></e:Fault></e:Body></e:Envelope>`;
  const action = { do: 'answer', status: 500, body } as const;
  lab.faults.add({ system: 'vcenter', operation: 'ReconfigVM_Task', when: 'before', nth: 1, action });
  expect((await failure(snapshots.attach({ proxyVm: proxy, files }, signal))).message).toContain('vCenter shows no VM');
});

test('a VM is copied out of its snapshot with a mark, found by folder and name, and destroyed', async () => {
  const { lab, snapshots, proxy } = await openWorld();
  const vm = moRef('vm-101');
  await snapshots.create({ vm, name: 'snaphook-copied', description: '', quiesce: undefined }, signal);
  const [snapshot] = await snapshots.find({ vm, name: 'snaphook-copied' }, signal);
  const { soap, idOf } = await placesOf(lab);
  const place = {
    folder: moRef(await idOf('parent')),
    pool: moRef(await idOf('resourcePool')),
    host: moRef(await idOf('runtime.host')),
    datastore: moRef(await idOf('datastore')),
  };
  const request = {
    vm,
    snapshot: snapshot?.moRef ?? proxy,
    name: 'a/copy',
    mark: 'ours',
    notes: 'copy for us',
    ...place,
  };
  await snapshots.copy(request, signal);

  const { folder } = place;
  const found = await snapshots.vmIn({ folder, name: 'a/copy' }, signal);
  expect(found).toEqual({
    moRef: lab.vcenter.moRefOf('a/copy'),
    name: 'a/copy',
    poweredOff: true,
    mark: 'ours',
    strayFile: undefined,
  });
  expect(await snapshots.vmIn({ folder, name: 'copy' }, signal)).toBeUndefined();
  expect(await snapshots.vmsWithNotes({ prefix: 'copy for' }, signal)).toEqual([
    { moRef: found?.moRef, name: 'a/copy', notes: 'copy for us' },
  ]);
  expect((await snapshots.vm(vm, signal))?.mark).toBeUndefined();
  expect(await failure(snapshots.copy(request, signal))).toMatchObject({
    code: 'E_VCENTER',
    message: expect.stringContaining('DuplicateName'),
  });

  const copy = moRef(lab.vcenter.moRefOf('a/copy'));
  const [lent] = lab.vcenter.vm('chained').disks;
  if (lent) lab.vcenter.addDisk('a/copy', { ...lent, key: 2099 });
  expect((await snapshots.vm(copy, signal))?.strayFile).toBe('[VMFS-1] chained/chained-000001.vmdk');
  lab.vcenter.removeDisk('a/copy', 2099);
  lab.vcenter.setPowerState('a/copy', 'poweredOn');
  expect((await failure(snapshots.destroy(copy, signal))).message).toContain('InvalidPowerState');
  lab.vcenter.setPowerState('a/copy', 'poweredOff');
  await snapshots.destroy(copy, signal);
  await snapshots.destroy(copy, signal);
  expect(await snapshots.vm(copy, signal)).toBeUndefined();
  await soap.call('Logout', '<_this type="SessionManager">SessionManager</_this>');
});

/** Where a VM of the sample lies, as another client reads it. */
async function placesOf(lab: TestLab) {
  const soap = await lab.admin();
  const idOf = async (property: string) => {
    const value = (await soap.properties('VirtualMachine', 'vm-101', property)).get(property);
    return value?.children[0]?.text ?? value?.text ?? '';
  };
  return { soap, idOf };
}

test.each<[string, readonly ControllerInventory['type'][], string, number]>([
  ['paravirtual SCSI', ['ParaVirtualSCSIController'], 'vmx-19', 62],
  ['paravirtual SCSI on old hardware', ['ParaVirtualSCSIController'], 'vmx-13', 14],
  ['LSI Logic and paravirtual SCSI', ['VirtualLsiLogicController', 'ParaVirtualSCSIController'], 'vmx-19', 77],
])(
  'places of %s are counted as vCenter has them, and the last one can be taken',
  async (_what, types, version, places) => {
    const controllers = types.map((type, index) => ({ key: 1000 + index, type }));
    const world = await openWorld({ version, controllers });
    expect((await world.snapshots.proxyVm(world.proxy, signal)).freePlaces).toBe(places);

    const [first] = plainVm('x', 90).disks;
    const full = controllers.flatMap(({ key, type }) => {
      const units = type === 'ParaVirtualSCSIController' && version !== 'vmx-13' ? 64 : 16;
      return Array.from({ length: units }, (_, unit) => ({ key, unit })).filter(({ unit }) => unit !== 7);
    });
    const disks = full.slice(0, -1).map(({ key, unit }, index) => ({
      ...first,
      key: 2000 + index,
      label: `Hard disk ${index + 1}`,
      controllerKey: key,
      unitNumber: unit,
      backing: { kind: 'vmfs', datastore: 'VMFS-1', fileName: `[VMFS-1] proxy/proxy_${index}.vmdk` },
    })) as DiskInventory[]; // the sample VM has a first disk
    world.lab.vcenter.changeVm('proxy', { disks });
    const [disk] = await world.snapshots.disksOf((await world.take()).moRef, signal);
    const files = [disk?.fileName ?? ''];
    expect(
      await failure(world.snapshots.attach({ proxyVm: world.proxy, files: [...files, ...files] }, signal)),
    ).toMatchObject({ code: 'E_PROXY_DEVICE', effect: 'none' });
    await world.snapshots.attach({ proxyVm: world.proxy, files }, signal);
    expect((await world.snapshots.proxyVm(world.proxy, signal)).freePlaces).toBe(0);
  },
);

test('a removal that the proxy still holds up leaves data to consolidate, which works once the disk is detached', async () => {
  const { snapshots, proxy, take } = await openWorld();
  const taken = await take();
  const files = (await snapshots.disksOf(taken.moRef, signal)).map(({ fileName }) => fileName);
  await snapshots.attach({ proxyVm: proxy, files }, signal);
  await snapshots.remove(taken, signal);

  expect(await snapshots.find({ vm: SOURCE, name: taken.name }, signal)).toEqual([]);
  expect(await snapshots.consolidationNeeded(SOURCE, signal)).toBe(true);
  expect(await failure(snapshots.consolidate(SOURCE, signal))).toMatchObject({
    code: 'E_VCENTER',
    message: expect.stringContaining(files[0] ?? ''),
  });
  await snapshots.detach({ proxyVm: proxy, files }, signal);
  await snapshots.consolidate(SOURCE, signal);
  expect(await snapshots.consolidationNeeded(SOURCE, signal)).toBe(false);
});

test('a task that is in the way is waited for, and the change is made then', async () => {
  const { lab, take } = await openWorld();
  const soap = await lab.admin();
  await soap.call('PowerOffVM_Task', `<_this type="VirtualMachine">${SOURCE}</_this>`);
  await take();

  const tasks = lab.events.events.filter(({ kind, operation }) => kind === 'effect' && operation.endsWith('_Task'));
  expect(tasks.map(({ operation }) => operation)).toEqual(['PowerOffVM_Task', 'CreateSnapshot_Task']);
});

test('a change whose answer is lost is told as unknown and not sent again', async () => {
  const { lab, snapshots } = await openWorld();
  lab.faults.add({
    system: 'vcenter',
    operation: 'CreateSnapshot_Task',
    when: 'after',
    nth: 1,
    action: { do: 'drop' },
  });
  const error = await failure(
    snapshots.create({ vm: SOURCE, name: 'snaphook-lost', description: '', quiesce: undefined }, signal),
  );

  expect(error).toMatchObject({ code: 'E_VCENTER_UNREACHABLE', effect: 'unknown', retry: 'after-probe' });
  await snapshots.whenIdle(SOURCE, signal);
  expect(await snapshots.find({ vm: SOURCE, name: 'snaphook-lost' }, signal)).toHaveLength(1);
});

test('what is asked of a VM that is gone is answered as nothing', async () => {
  const { lab, snapshots, take, proxy } = await openWorld();
  const taken = await take();
  lab.vcenter.removeVm('rdm01');

  await snapshots.whenIdle(SOURCE, signal);
  expect(await snapshots.find({ vm: SOURCE, name: taken.name }, signal)).toEqual([]);
  expect(await snapshots.consolidationNeeded(SOURCE, signal)).toBe(false);
  await snapshots.remove(taken, signal);
  lab.vcenter.removeVm('proxy');
  await snapshots.detach({ proxyVm: proxy, files: ['[VMFS-1] rdm01/rdm01.vmdk'] }, signal);
});

test('a missing right is named, a guest that cannot be quiesced is a failed freeze', async () => {
  const { lab, snapshots } = await openWorld();
  const reader = connect(lab, 'reader@vsphere.local');
  const request = { vm: moRef('vm-101'), name: 's', description: '', quiesce: 'windows' as const };
  expect(await failure(reader.create(request, signal))).toMatchObject({
    code: 'E_VCENTER_RIGHTS',
    message: expect.stringContaining('VirtualMachine.State.CreateSnapshot'),
  });
  const { guest } = lab.vcenter.vm('vm-101');
  if (guest) lab.vcenter.setGuest('vm-101', { ...guest, quiesce: 'application-fails' });
  expect(await failure(snapshots.create(request, signal))).toMatchObject({ code: 'E_FREEZE_FAILED', effect: 'none' });
});

test('closing logs out, and the next call logs in again', async () => {
  const { lab, snapshots } = await openWorld();
  await snapshots.sessionKey(signal);
  expect(lab.vcenter.sessions).toBe(1);
  await snapshots.close();
  expect(lab.vcenter.sessions).toBe(0);
  expect(await snapshots.find({ vm: SOURCE, name: 'none' }, signal)).toEqual([]);
});
