import type { DiskInventory } from '../../../src/lab/vcenter/inventory.ts';
import { closeLabs, startLab, type TestLab } from './lab-vcenter.ts';
import { type RawSoap, textAt } from './raw-soap.ts';
import { plainVm } from './sample-inventory.ts';
import { onVm, outcomeOf } from './tasks.ts';

afterAll(closeLabs);

const VM = ['VirtualMachine', 'vm-101'] as const;

const create = (soap: RawSoap, { name = 's1', memory = false, quiesce = false, vm = 'vm-101' } = {}) =>
  outcomeOf(
    soap,
    'CreateSnapshot_Task',
    ['VirtualMachine', vm],
    `<name>${name}</name><description>d</description><memory>${memory}</memory><quiesce>${quiesce}</quiesce>`,
  );

const remove = (soap: RawSoap, snapshot: string, children = false) =>
  outcomeOf(
    soap,
    'RemoveSnapshot_Task',
    ['VirtualMachineSnapshot', snapshot],
    `<removeChildren>${children}</removeChildren>`,
  );

const backingOf = (lab: TestLab, vm = 'vm-101', disk = 0) => lab.vcenter.vm(vm).disks[disk]?.backing;

test('of a vVol the volume in use stays the one in use; the snapshot has a volume of its own, shown below it and in its config', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const before = backingOf(lab);
  const { end, result } = await create(soap);

  expect(end).toBe('success');
  expect(backingOf(lab)).toMatchObject({
    backingObjectId: 'naa.600009700bbf7e5300001000000000d0',
    fileName: '[VVOL-1] naa.600009700bbf7e5300001000000000c1/sql01_0-000001.vmdk',
    parent: { ...before, backingObjectId: expect.not.stringMatching(/d0$/) },
  });
  const config = await soap.properties('VirtualMachineSnapshot', result, 'config.hardware.device', 'vm');
  expect(config.get('vm')?.text).toBe('vm-101');
  const disk = config.get('config.hardware.device')?.children.find((device) => textAt(device, 'key') === '2000');
  expect(textAt(disk, 'backing', 'fileName')).toBe(before && 'fileName' in before && before.fileName);
  const shown = backingOf(lab);
  expect(textAt(disk, 'backing', 'backingObjectId')).toBe(
    shown?.kind === 'vvol' && shown.parent?.kind === 'vvol' ? shown.parent.backingObjectId : '',
  );
  expect(await remove(soap, result)).toMatchObject({ end: 'success' });
  expect(backingOf(lab)).toEqual(before);
});

test('on VMFS the VM goes on in delta files, listed in layoutEx, and removal in the middle merges the chain', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const files = async () =>
    (await soap.properties('VirtualMachine', 'vm-103', 'layoutEx.file')).get('layoutEx.file')?.children ?? [];
  const { result: second } = await create(soap, { vm: 'vm-103', name: 'second' });

  expect((await files()).map((file) => textAt(file, 'name'))).toContain('[VMFS-1] chained/chained-000002-delta.vmdk');
  const tree = (await soap.properties('VirtualMachine', 'vm-103', 'snapshot')).get('snapshot');
  expect(textAt(tree, 'currentSnapshot')).toBe(second);
  expect(textAt(tree, 'rootSnapshotList', 'name')).toBe('before update');
  expect(textAt(tree, 'rootSnapshotList', 'childSnapshotList', 'name')).toBe('second');
  expect(await remove(soap, second)).toMatchObject({ end: 'success' });
  expect(backingOf(lab, 'vm-103')).toMatchObject({
    fileName: '[VMFS-1] chained/chained-000001.vmdk',
    parent: { fileName: '[VMFS-1] chained/chained.vmdk' },
  });
  expect(
    textAt((await soap.properties('VirtualMachine', 'vm-103', 'snapshot')).get('snapshot'), 'currentSnapshot'),
  ).toBe(textAt(tree, 'rootSnapshotList', 'snapshot'));
});

test('physical raw devices and independent disks are no part of a snapshot, and no snapshot with memory is taken of them', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const rdm = backingOf(lab, 'vm-102', 1);

  expect(await create(soap, { vm: 'vm-102', memory: true })).toMatchObject({ end: 'MemorySnapshotOnIndependentDisk' });
  expect(await create(soap, { vm: 'vm-102' })).toMatchObject({ end: 'success' });
  expect(backingOf(lab, 'vm-102', 1)).toEqual(rdm);
  expect(backingOf(lab, 'vm-102', 0)).toHaveProperty('parent');
});

test('a virtual raw device goes on in a delta file, and is the device again when the snapshot is gone', async () => {
  const mapping = {
    kind: 'rdm' as const,
    datastore: 'VMFS-1',
    fileName: '[VMFS-1] raw/raw_1.vmdk',
    lunUuid: '0200',
    deviceName: 'vml.0200',
    compatibilityMode: 'virtualMode' as const,
  };
  const [plain] = plainVm('raw', 92).disks;
  const lab = await startLab({}, [plainVm('raw', 92, { disks: plain ? [{ ...plain, backing: mapping }] : [] })]);
  const soap = await lab.admin();
  const vm = lab.vcenter.moRefOf('raw');
  const { result } = await create(soap, { vm });
  const shown = await soap.properties('VirtualMachine', vm, 'config.hardware.device', 'layoutEx.file');
  const disk = shown.get('config.hardware.device')?.children.find((device) => textAt(device, 'key') === '2000');

  expect(textAt(disk, 'backing', 'fileName')).toBe('[VMFS-1] raw/raw_1-000001.vmdk');
  expect(textAt(disk, 'backing', 'deltaDiskFormat')).toBe('redoLogFormat');
  expect(textAt(disk, 'backing', 'parent', 'fileName')).toBe(mapping.fileName);
  expect(shown.get('layoutEx.file')?.children.map((file) => textAt(file, 'name'))).toEqual(
    expect.arrayContaining(['[VMFS-1] raw/raw_1-000001-delta.vmdk', '[VMFS-1] raw/raw_1-rdm.vmdk']),
  );
  expect(await remove(soap, result)).toMatchObject({ end: 'success' });
  expect(backingOf(lab, vm)).toEqual(mapping);
});

test('disks on a shared bus allow no snapshots, and a chain ends at 32', async () => {
  const disk: DiskInventory = { ...plainVm('x', 90).disks[0], controllerKey: 1000 } as DiskInventory; // the sample has one
  const lab = await startLab({}, [
    plainVm('cluster', 91, {
      disks: [disk],
      controllers: [{ key: 1000, type: 'VirtualLsiLogicSASController', sharedBus: 'physicalSharing' }],
    }),
  ]);
  const soap = await lab.admin();

  expect(await create(soap, { vm: lab.vcenter.moRefOf('cluster') })).toMatchObject({
    end: 'SnapshotIncompatibleDeviceInVm',
  });
  for (let number = 0; number < 32; number += 1) await create(soap, { name: `level ${number}` });
  expect(await create(soap)).toMatchObject({ end: 'TooManySnapshotLevels' });
});

test('a quiesced snapshot says so only when Tools did it, and fails as the guest fails', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const quiesced = async () => {
    const tree = (await soap.properties('VirtualMachine', 'vm-101', 'snapshot')).get('snapshot');
    return tree?.children.filter(({ name }) => name === 'rootSnapshotList').map((one) => textAt(one, 'quiesced'));
  };
  const guest = lab.vcenter.vm('vm-101').guest;
  if (!guest) throw new Error('the sample VM has a guest');

  await create(soap, { quiesce: true });
  expect(await quiesced()).toEqual(['true']);
  lab.vcenter.setGuest('vm-101', { ...guest, quiesce: 'application-fails' });
  expect(await create(soap, { quiesce: true })).toMatchObject({ end: 'ApplicationQuiesceFault' });
  lab.vcenter.setGuest('vm-101', { ...guest, quiesce: 'file-system-fails' });
  expect(await create(soap, { quiesce: true })).toMatchObject({ end: 'FilesystemQuiesceFault' });
  lab.vcenter.setGuest('vm-101', { ...guest, toolsRunningStatus: 'guestToolsNotRunning' });
  await create(soap, { quiesce: true });
  const tree = (await soap.properties('VirtualMachine', 'vm-101', 'snapshot')).get('snapshot');
  expect(textAt(tree, 'rootSnapshotList', 'childSnapshotList', 'quiesced')).toBe('false');
});

test('quiescing has a declared order, and 5 to 240 minutes', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const call = (spec: string, type = 'VirtualMachineWindowsQuiesceSpec') =>
    outcomeOf(
      soap,
      'CreateSnapshotEx_Task',
      VM,
      `<name>s</name><memory>false</memory><quiesceSpec xsi:type="${type}">${spec}</quiesceSpec>`,
    );

  expect(await call('<timeout>4</timeout>')).toMatchObject({ end: 'InvalidArgument' });
  expect(await call('<timeout>241</timeout>')).toMatchObject({ end: 'InvalidArgument' });
  expect(await call('<vssBackupType>1</vssBackupType><timeout>15</timeout>')).toMatchObject({ end: 'InvalidRequest' });
  expect(await call('<timeout>15</timeout><vssBackupContext>ctx_auto</vssBackupContext>')).toMatchObject({
    end: 'success',
  });
});

test('parameters are read in their order, all of them, and rights are asked for', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const late = await onVm(
    soap,
    'CreateSnapshot_Task',
    'vm-101',
    '<memory>false</memory><name>s</name><quiesce>false</quiesce>',
  );
  const missing = await onVm(soap, 'CreateSnapshot_Task', 'vm-101', '<name>s</name><quiesce>false</quiesce>');
  const unknown = await onVm(soap, 'ConsolidateVMDisks_Task', 'vm-101', '<force>true</force>');
  expect(late.fault?.message).toContain('Unexpected element tag "name"');
  expect(missing.fault?.message).toContain('Missing value for parameter memory');
  expect(unknown.fault?.message).toContain('Unexpected element tag "force"');
  expect(await create(soap, { name: 'n'.repeat(81) })).toMatchObject({ end: 'InvalidName' });

  const { result } = await create(soap);
  const reader = lab.client();
  await reader.login('reader@vsphere.local');
  const privileges = [(await create(reader)).fault, (await remove(reader, result)).fault];
  expect(privileges.map((fault) => textAt(fault, 'privilegeId'))).toEqual([
    'VirtualMachine.State.CreateSnapshot',
    'VirtualMachine.State.RemoveSnapshot',
  ]);
});

test('a snapshot is renamed, and gone when it was removed with its parent', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const { result: parent } = await create(soap);
  const { result: child } = await create(soap, { name: 's2' });
  await soap.call('RenameSnapshot', `<_this type="VirtualMachineSnapshot">${child}</_this><name>kept</name>`);

  const tree = (await soap.properties('VirtualMachine', 'vm-101', 'snapshot')).get('snapshot');
  expect(textAt(tree, 'rootSnapshotList', 'childSnapshotList', 'name')).toBe('kept');
  expect(await remove(soap, parent, true)).toMatchObject({ end: 'success' });
  expect((await remove(soap, child)).end).toBe('ManagedObjectNotFound');
  expect((await soap.properties('VirtualMachine', 'vm-101', 'snapshot')).get('snapshot')).toBeUndefined();
});

test('reverting leaves the VM powered off on a new element above the snapshot', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const { result } = await create(soap, { vm: 'vm-102' });
  await outcomeOf(soap, 'RevertToSnapshot_Task', ['VirtualMachineSnapshot', result]);

  expect(lab.vcenter.vm('vm-102').powerState).toBe('poweredOff');
  expect(backingOf(lab, 'vm-102')).toMatchObject({
    fileName: '[VMFS-1] rdm01/rdm01-000002.vmdk',
    parent: { fileName: '[VMFS-1] rdm01/rdm01.vmdk' },
  });
});
