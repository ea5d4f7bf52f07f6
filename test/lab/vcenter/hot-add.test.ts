import type { ControllerInventory, DiskInventory } from '../../../src/lab/vcenter/inventory.ts';
import type { HotAddedDisk } from '../../../src/lab/vcenter/storage-side.ts';
import { closeLabs, startLab, type TestLab } from './lab-vcenter.ts';
import { type RawSoap, textAt } from './raw-soap.ts';
import { plainVm } from './sample-inventory.ts';
import { outcomeOf } from './tasks.ts';

afterAll(closeLabs);

const SNAPPED = '[VMFS-1] rdm01/rdm01.vmdk';

async function startWithProxy(
  change: Partial<ReturnType<typeof plainVm>> = {},
): Promise<{ lab: TestLab; soap: RawSoap; proxy: string; seen: string[] }> {
  const seen: string[] = [];
  const note = (what: string) => (vm: string, disk: HotAddedDisk) => seen.push(`${vm} ${what} ${disk.capacityBytes}`);
  const lab = await startLab({ hotPlug: { appeared: note('+'), vanished: note('-') } }, [
    plainVm('proxy', 80, { controllers: [{ key: 1000, type: 'ParaVirtualSCSIController' }], ...change }),
    plainVm('other', 81, { host: 'esx2.example.org' }),
  ]);
  const soap = await lab.admin();
  return { lab, soap, proxy: lab.vcenter.moRefOf('proxy'), seen };
}

const snapshotOf = async (soap: RawSoap, vm = 'vm-102') =>
  (
    await outcomeOf(
      soap,
      'CreateSnapshot_Task',
      ['VirtualMachine', vm],
      '<name>s</name><memory>false</memory><quiesce>false</quiesce>',
    )
  ).result;

const reconfigure = (soap: RawSoap, vm: string, change: string) =>
  outcomeOf(soap, 'ReconfigVM_Task', ['VirtualMachine', vm], `<spec><deviceChange>${change}</deviceChange></spec>`);

function add(
  soap: RawSoap,
  vm: string,
  { file = SNAPPED, controller = 1000, unit = 1, mode = 'independent_nonpersistent' } = {},
) {
  return reconfigure(
    soap,
    vm,
    '<operation>add</operation><device xsi:type="VirtualDisk"><key>-101</key>' +
      `<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>${file}</fileName><diskMode>${mode}</diskMode></backing>` +
      `<controllerKey>${controller}</controllerKey><unitNumber>${unit}</unitNumber><capacityInKB>0</capacityInKB></device>`,
  );
}

const detach = (soap: RawSoap, vm: string, key: number) =>
  reconfigure(
    soap,
    vm,
    `<operation>remove</operation><device xsi:type="VirtualDisk"><key>${key}</key><capacityInKB>0</capacityInKB></device>`,
  );

test('the disk of a snapshot is added to a running VM with its own serial and a redo log, and removed by its key alone', async () => {
  const { lab, soap, proxy, seen } = await startWithProxy();
  await snapshotOf(soap);
  expect(await add(soap, proxy)).toMatchObject({ end: 'success' });

  const [, added] = lab.vcenter.vm('proxy').disks;
  expect(added).toMatchObject({
    key: 2001,
    label: 'Hard disk 2',
    unitNumber: 1,
    diskMode: 'independent_nonpersistent',
  });
  const source = (await soap.properties('VirtualMachine', 'vm-102', 'config.hardware.device')).get(
    'config.hardware.device',
  );
  expect(added?.uuid).toBe(
    textAt(
      source?.children.find((one) => textAt(one, 'key') === '2000'),
      'backing',
      'uuid',
    ),
  );
  const files = (await soap.properties('VirtualMachine', proxy, 'layoutEx.file')).get('layoutEx.file')?.children ?? [];
  expect(files.map((file) => textAt(file, 'name'))).toContainEqual(expect.stringMatching(/rdm01\.vmdk-REDO_/));
  expect(await detach(soap, proxy, 2001)).toMatchObject({ end: 'success' });
  expect(lab.vcenter.vm('proxy').disks).toHaveLength(1);
  expect(seen).toEqual([`proxy + ${added?.capacityBytes}`, `proxy - ${added?.capacityBytes}`]);
});

test('a guest that is shown no serials cannot tell which disk came', async () => {
  const { soap, proxy, seen } = await startWithProxy({ diskUuidEnabled: false });
  await snapshotOf(soap);
  expect(await add(soap, proxy)).toMatchObject({ end: 'success' });
  expect(seen).toEqual([]);
});

test.each<[string, ControllerInventory['type'], string, number, string]>([
  ['the place of the controller itself', 'ParaVirtualSCSIController', 'vmx-19', 7, 'InvalidDeviceSpec'],
  ['a place that is taken', 'ParaVirtualSCSIController', 'vmx-19', 0, 'InvalidDeviceSpec'],
  ['beyond 63', 'ParaVirtualSCSIController', 'vmx-19', 64, 'InvalidDeviceSpec'],
  ['63 with paravirtual SCSI', 'ParaVirtualSCSIController', 'vmx-14', 63, 'success'],
  ['beyond 15 on old hardware', 'ParaVirtualSCSIController', 'vmx-13', 16, 'InvalidDeviceSpec'],
  ['beyond 15 with LSI Logic', 'VirtualLsiLogicController', 'vmx-19', 16, 'InvalidDeviceSpec'],
  ['15 with LSI Logic', 'VirtualLsiLogicController', 'vmx-19', 15, 'success'],
])('unit numbers: %s', async (_what, type, version, unit, end) => {
  const { soap, proxy } = await startWithProxy({ version, controllers: [{ key: 1000, type }] });
  await snapshotOf(soap);
  expect(await add(soap, proxy, { unit })).toMatchObject({ end });
});

test('a controller holds no more than its places, a VM no more than four SCSI controllers', async () => {
  const [first] = plainVm('x', 90).disks;
  const taken = Array.from({ length: 16 }, (_, unit) => unit).filter((unit) => unit !== 7);
  const disks = taken.map((unit) => ({
    ...first,
    key: 2000 + unit,
    label: `Hard disk ${unit + 1}`,
    unitNumber: unit,
    backing: { kind: 'vmfs', datastore: 'VMFS-1', fileName: `[VMFS-1] proxy/proxy_${unit}.vmdk` },
  })) as DiskInventory[]; // the sample VM has a first disk
  const { lab, soap, proxy } = await startWithProxy({
    disks,
    controllers: [{ key: 1000, type: 'VirtualLsiLogicController' }],
  });
  await snapshotOf(soap);
  const addController = () =>
    reconfigure(
      soap,
      proxy,
      '<operation>add</operation><device xsi:type="ParaVirtualSCSIController"><key>-1</key><busNumber>1</busNumber><sharedBus>noSharing</sharedBus></device>',
    );

  expect(await add(soap, proxy, { unit: 15 })).toMatchObject({ end: 'TooManyDevices' });
  expect(await add(soap, proxy, { controller: 1001 })).toMatchObject({ end: 'InvalidController' });
  for (let more = 0; more < 3; more += 1) expect(await addController()).toMatchObject({ end: 'success' });
  expect(await addController()).toMatchObject({ end: 'TooManyDevices' });
  expect(await add(soap, proxy, { controller: 1003 })).toMatchObject({ end: 'success' });
  expect(lab.vcenter.vm('proxy').disks).toHaveLength(16);
});

test('what another running VM writes to, or has attached, is locked; a missing file is told apart', async () => {
  const { lab, soap, proxy } = await startWithProxy();
  const other = lab.vcenter.moRefOf('other');
  expect(await add(soap, proxy)).toMatchObject({ end: 'FileLocked' });
  await snapshotOf(soap);
  expect(await add(soap, proxy, { file: '[VMFS-1] rdm01/rdm01-000001.vmdk' })).toMatchObject({ end: 'FileLocked' });
  expect(await add(soap, other)).toMatchObject({ end: 'success' });
  expect(await add(soap, proxy)).toMatchObject({ end: 'FileLocked' });
  await detach(soap, other, 2001);
  expect(await add(soap, proxy)).toMatchObject({ end: 'success' });
  expect(await add(soap, proxy, { unit: 2 })).toMatchObject({ end: 'FileLocked' });
  expect(await add(soap, proxy, { file: '[VMFS-1] none/none.vmdk', unit: 2 })).toMatchObject({ end: 'FileNotFound' });
});

test("a file on a datastore that the proxy's host does not mount cannot be accessed", async () => {
  const { lab, soap } = await startWithProxy();
  await snapshotOf(soap, 'vm-101');
  expect(
    await add(soap, lab.vcenter.moRefOf('other'), {
      file: '[VVOL-1] naa.600009700bbf7e5300001000000000c1/sql01_0.vmdk',
    }),
  ).toMatchObject({
    end: 'CannotAccessFile',
  });
});

test('a snapshot whose disk a proxy still has loses its entry only: consolidation is needed until the disk is detached', async () => {
  const { lab, soap, proxy } = await startWithProxy();
  const snapshot = await snapshotOf(soap);
  await add(soap, proxy);
  const removed = await outcomeOf(
    soap,
    'RemoveSnapshot_Task',
    ['VirtualMachineSnapshot', snapshot],
    '<removeChildren>false</removeChildren>',
  );
  const state = async () => {
    const found = await soap.properties('VirtualMachine', 'vm-102', 'snapshot', 'runtime.consolidationNeeded');
    return [found.has('snapshot'), found.get('runtime.consolidationNeeded')?.text];
  };
  const consolidate = () => outcomeOf(soap, 'ConsolidateVMDisks_Task', ['VirtualMachine', 'vm-102']);

  expect(removed.end).toBe('FileLocked');
  expect(textAt(removed.fault, 'file')).toBe(SNAPPED);
  expect(await state()).toEqual([false, 'true']);
  expect(lab.vcenter.vm('vm-102').disks[0]?.backing).toHaveProperty('parent');
  expect(await consolidate()).toMatchObject({ end: 'FileLocked' });
  await detach(soap, proxy, 2001);
  expect(await consolidate()).toMatchObject({ end: 'success' });
  expect(await state()).toEqual([false, 'false']);
  expect(lab.vcenter.vm('vm-102').disks[0]?.backing).not.toHaveProperty('parent');
});

test('each kind of change asks for its own right', async () => {
  const { lab, proxy } = await startWithProxy();
  const reader = lab.client();
  await reader.login('reader@vsphere.local');
  const refused = [await add(reader, proxy), await detach(reader, proxy, 2000)];
  expect(refused.map(({ fault }) => textAt(fault, 'privilegeId'))).toEqual([
    'VirtualMachine.Config.AddExistingDisk',
    'VirtualMachine.Config.RemoveDisk',
  ]);
});

test('a device whose elements come in another order is refused', async () => {
  const { soap, proxy } = await startWithProxy();
  const shuffled = await reconfigure(
    soap,
    proxy,
    '<operation>add</operation><device xsi:type="VirtualDisk"><key>-101</key><controllerKey>1000</controllerKey>' +
      '<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>f</fileName><diskMode>persistent</diskMode></backing>' +
      '<capacityInKB>0</capacityInKB></device>',
  );
  expect(shuffled.end).toBe('InvalidRequest');
});

test('a VM that was unregistered is registered again from its file, once, into a pool', async () => {
  const { lab, soap } = await startWithProxy();
  const pool = (await soap.properties('VirtualMachine', 'vm-101', 'resourcePool')).get('resourcePool')?.text ?? '';
  const folder = (await soap.properties('VirtualMachine', 'vm-103', 'parent')).get('parent')?.text ?? '';
  const register = (poolElement: string) =>
    outcomeOf(
      soap,
      'RegisterVM_Task',
      ['Folder', folder],
      `<path>[VMFS-1] chained/chained.vmx</path><name>again</name><asTemplate>false</asTemplate>${poolElement}`,
    );
  const poolElement = `<pool type="ResourcePool">${pool}</pool>`;

  expect((await soap.call('UnregisterVM', '<_this type="VirtualMachine">vm-101</_this>')).fault?.type).toBe(
    'InvalidPowerState',
  );
  expect(await register(poolElement)).toMatchObject({ end: 'AlreadyExists' });
  const taken = '<name>live</name><memory>false</memory><quiesce>false</quiesce>';
  await outcomeOf(soap, 'CreateSnapshot_Task', ['VirtualMachine', 'vm-103'], taken);
  await soap.call('UnregisterVM', '<_this type="VirtualMachine">vm-103</_this>');
  expect(await register('')).toMatchObject({ end: 'InvalidArgument' });
  const { end, result } = await register(poolElement);
  expect(end).toBe('success');
  expect(lab.vcenter.moRefOf('again')).toBe(result);
  const tree = (await soap.properties('VirtualMachine', result, 'snapshot')).get('snapshot');
  expect(textAt(tree, 'rootSnapshotList', 'name')).toBe('before update');
  expect(textAt(tree, 'rootSnapshotList', 'childSnapshotList', 'name')).toBe('live');
  expect(textAt(tree, 'currentSnapshot')).toBe(textAt(tree, 'rootSnapshotList', 'childSnapshotList', 'snapshot'));
  expect(await register(poolElement)).toMatchObject({ end: 'AlreadyExists' });
});
