import { dataType } from '../../../src/lab/vcenter/schema/schema.ts';
import { childOf, childrenOf, type XmlElement } from '../../../src/platform/xml.ts';
import { closeLabs, startLab } from './lab-vcenter.ts';
import { names, type RawSoap, textAt, xsiType } from './raw-soap.ts';
import { CONTAINER_ID, NAA_A, NAA_B, NAA_RDM } from './sample-inventory.ts';

afterAll(closeLabs);

const property = async (soap: RawSoap, type: string, id: string, path: string) =>
  (await soap.properties(type, id, path)).get(path);

const disksOf = (devices: XmlElement | undefined) =>
  (devices?.children ?? []).filter((device) => xsiType(device) === 'VirtualDisk');

test('ids are the same for the same inventory', async () => {
  const labs = await Promise.all([startLab(), startLab()]);
  for (const lab of labs) {
    expect(['rdm01', 'chained'].map((name) => lab.vcenter.moRefOf(name))).toEqual(['vm-102', 'vm-103']);
    const soap = await lab.admin();
    expect((await property(soap, 'Folder', 'group-d1', 'childEntity'))?.children[0]?.text).toBe('datacenter-2');
    expect((await property(soap, 'Datacenter', 'datacenter-2', 'vmFolder'))?.text).toBe('group-v3');
  }
});

test('a name that several VMs have is no name for a control', async () => {
  const lab = await startLab();
  expect(() => lab.vcenter.renameVm('sql01', 'x')).toThrow('2 VMs are called "sql01"');
});

test('wire order as the vendor documents it', async () => {
  const soap = await (await startLab()).admin();
  const summary = await property(soap, 'Datastore', 'datastore-13', 'summary');
  expect(names(summary).join()).toBe(
    'datastore,name,url,capacity,freeSpace,uncommitted,accessible,multipleHostAccess,type,maintenanceMode',
  );
  const [disk] = disksOf(await property(soap, 'VirtualMachine', 'vm-103', 'config.hardware.device'));
  expect(names(childOf(disk, 'backing')).join()).toBe(
    'fileName,datastore,diskMode,split,writeThrough,thinProvisioned,eagerlyScrub,uuid,contentId,parent,deltaDiskFormat,digestEnabled,sharing',
  );
});

/** Answers of every data object in schema order: base type's properties first, no required one missing. */
function expectSchemaOrder(element: XmlElement, declared: string | undefined): void {
  const type = dataType(xsiType(element) ?? declared ?? '');
  if (!type) return;
  const order = type.ordered.map((entry) => entry.name);
  const places = names(element).map((name) => order.indexOf(name));
  expect(places).not.toContain(-1);
  expect(places).toEqual([...places].sort((a, b) => a - b));
  const present = new Set(names(element));
  expect(type.ordered.filter((entry) => !entry.optional && !entry.type.array && !present.has(entry.name))).toEqual([]);
  for (const child of element.children) expectSchemaOrder(child, type.properties.get(child.name)?.type.name);
}

test('every data object of every entity is in schema order', async () => {
  const soap = await (await startLab()).admin();
  const kinds = [
    'Folder',
    'Datacenter',
    'ClusterComputeResource',
    'ResourcePool',
    'HostSystem',
    'Datastore',
    'VirtualMachine',
  ];
  const view = await soap.call(
    'CreateContainerView',
    '<_this type="ViewManager">ViewManager</_this><container type="Folder">group-d1</container><recursive>true</recursive>',
  );
  const answer = await soap.retrieve(
    `${kinds.map((kind) => `<propSet><type>${kind}</type><all>true</all></propSet>`).join('')}<objectSet><obj type="ContainerView">${view.returnval?.text}</obj><skip>true</skip>` +
      '<selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path></selectSet></objectSet>',
  );
  const values = childrenOf(answer.returnval, 'objects').flatMap((entry) =>
    childrenOf(entry, 'propSet').flatMap((set) => childOf(set, 'val') ?? []),
  );
  expect(values.length).toBeGreaterThan(300);
  for (const value of values) {
    if (xsiType(value)?.startsWith('ArrayOf')) for (const item of value.children) expectSchemaOrder(item, item.name);
    else expectSchemaOrder(value, undefined);
  }
});

test('a vVol disk shows the id of its vVol; the home is the directory of the config vVol', async () => {
  const soap = await (await startLab()).admin();
  const config = await property(soap, 'VirtualMachine', 'vm-101', 'config');
  const [first, second] = disksOf(await property(soap, 'VirtualMachine', 'vm-101', 'config.hardware.device'));
  const backing = childOf(first, 'backing');
  expect(xsiType(backing)).toBe('VirtualDiskFlatVer2BackingInfo');
  expect(textAt(backing, 'backingObjectId')).toBe('naa.600009700bbf7e5300001000000000d0');
  expect(textAt(backing, 'datastore')).toBe('datastore-14');
  expect(textAt(backing, 'uuid')).toMatch(/^6000C29[0-9a-f]-/);
  expect(textAt(second, 'backing', 'uuid')).not.toBe(textAt(backing, 'uuid'));
  expect(textAt(config, 'files', 'vmPathName')).toBe('[VVOL-1] naa.600009700bbf7e5300001000000000c1/sql01.vmx');
  expect(names(first).slice(0, 5)).toEqual(['key', 'deviceInfo', 'backing', 'controllerKey', 'unitNumber']);
});

test('the controller of a disk is among the devices and lists it', async () => {
  const soap = await (await startLab()).admin();
  const devices = await property(soap, 'VirtualMachine', 'vm-102', 'config.hardware.device');
  for (const disk of disksOf(devices)) {
    const controller = devices?.children.find((device) => textAt(device, 'key') === textAt(disk, 'controllerKey'));
    expect(xsiType(controller)).toBe('ParaVirtualSCSIController');
    expect(childrenOf(controller, 'device').map((key) => key.text)).toContain(textAt(disk, 'key'));
    expect(textAt(controller, 'scsiCtlrUnitNumber')).toBe('7');
  }
});

test("an RDM shows lunUuid, vml name and mode, and the same uuid is among the host's LUNs", async () => {
  const soap = await (await startLab()).admin();
  const [, rdm] = disksOf(await property(soap, 'VirtualMachine', 'vm-102', 'config.hardware.device'));
  const backing = childOf(rdm, 'backing');
  expect(xsiType(backing)).toBe('VirtualDiskRawDiskMappingVer1BackingInfo');
  expect(textAt(backing, 'compatibilityMode')).toBe('physicalMode');
  expect(textAt(backing, 'deviceName')).toBe(`vml.${textAt(backing, 'lunUuid')}`);
  const luns = await property(soap, 'HostSystem', 'host-11', 'config.storageDevice.scsiLun');
  const lun = luns?.children.find((entry) => textAt(entry, 'uuid') === textAt(backing, 'lunUuid'));
  expect(textAt(lun, 'canonicalName')).toBe(NAA_RDM);
  expect(xsiType(lun)).toBe('HostScsiDisk');
  expect(textAt(lun, 'model')).toBe('SYMMETRIX       ');
  expect(textAt(lun, 'operationalState')).toBe('ok');
});

test('WWNs travel as signed 64-bit numbers', async () => {
  const soap = await (await startLab()).admin();
  const hbas = await property(soap, 'HostSystem', 'host-11', 'config.storageDevice.hostBusAdapter');
  const wwn = BigInt(textAt(hbas, 'HostHostBusAdapter', 'portWorldWideName') ?? '0');
  expect(BigInt.asUintN(64, wwn).toString(16)).toBe('10000090fa534412');
});

test('a VMFS datastore lists all extents, a vVol one container and array, an NFS one the server', async () => {
  const soap = await (await startLab()).admin();
  const info = (id: string) => property(soap, 'Datastore', id, 'info');
  const vmfs = await info('datastore-13');
  expect(xsiType(vmfs)).toBe('VmfsDatastoreInfo');
  expect(childrenOf(childOf(vmfs, 'vmfs'), 'extent').map((extent) => textAt(extent, 'diskName'))).toEqual([
    NAA_A,
    NAA_B,
  ]);
  const vvol = await info('datastore-14');
  expect(xsiType(vvol)).toBe('VvolDatastoreInfo');
  expect(textAt(vvol, 'vvolDS', 'scId')).toBe(CONTAINER_ID);
  expect(textAt(vvol, 'vvolDS', 'storageArray', 'uuid')).toBe('com.emc:000197900123');
  expect(textAt(vvol, 'url')).toBe(`ds:///vmfs/volumes/${CONTAINER_ID}/`);
  const nfs = await info('datastore-15');
  expect(xsiType(nfs)).toBe('NasDatastoreInfo');
  expect(textAt(nfs, 'nas', 'remoteHost')).toBe('nas.example.org');
  expect((await property(soap, 'Datastore', 'datastore-13', 'vm'))?.children.map((vm) => vm.text)).toEqual([
    'vm-102',
    'vm-103',
    'vm-104',
  ]);
});

test('a disk on a snapshot chain shows its parent, the layout both files, the snapshot the disk below', async () => {
  const soap = await (await startLab()).admin();
  const [disk] = disksOf(await property(soap, 'VirtualMachine', 'vm-103', 'config.hardware.device'));
  expect(textAt(disk, 'backing', 'fileName')).toBe('[VMFS-1] chained/chained-000001.vmdk');
  expect(textAt(disk, 'backing', 'parent', 'fileName')).toBe('[VMFS-1] chained/chained.vmdk');
  expect(textAt(disk, 'backing', 'deltaDiskFormat')).toBe('redoLogFormat');
  const files = await property(soap, 'VirtualMachine', 'vm-103', 'layoutEx.file');
  const listed = files?.children.map((file) => textAt(file, 'name'));
  expect(listed).toEqual(
    expect.arrayContaining(['[VMFS-1] chained/chained-000001-delta.vmdk', '[VMFS-1] chained/chained-flat.vmdk']),
  );
  const tree = await property(soap, 'VirtualMachine', 'vm-103', 'snapshot');
  const id = textAt(tree, 'rootSnapshotList', 'snapshot') ?? '';
  expect(textAt(tree, 'currentSnapshot')).toBe(id);
  expect(textAt(tree, 'rootSnapshotList', 'name')).toBe('before update');
  const [below] = disksOf(await property(soap, 'VirtualMachineSnapshot', id, 'config.hardware.device'));
  expect(textAt(below, 'backing', 'fileName')).toBe('[VMFS-1] chained/chained.vmdk');
});

test('guest facts, template flag and custom values are what the inventory says', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const guest = await property(soap, 'VirtualMachine', 'vm-101', 'guest');
  expect(textAt(guest, 'guestFamily')).toBe('windowsGuest');
  expect(textAt(guest, 'hostName')).toBe('sql01.example.org');
  expect(textAt(guest, 'guestOperationsReady')).toBe('true');
  const values = await property(soap, 'VirtualMachine', 'vm-103', 'customValue');
  expect(xsiType(values?.children[0])).toBe('CustomFieldStringValue');
  expect(textAt(values, 'CustomFieldValue', 'value')).toBe('never');
  lab.vcenter.changeVm('vm-103', { template: true, connectionState: 'disconnected' });
  expect((await property(soap, 'VirtualMachine', 'vm-103', 'config.template'))?.text).toBe('true');
  expect((await property(soap, 'VirtualMachine', 'vm-103', 'runtime.connectionState'))?.text).toBe('disconnected');
});

test('of a VM whose file cannot be read there is no configuration, and of an invalid one no identity either', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const told = async () => [
    await property(soap, 'VirtualMachine', 'vm-103', 'config.hardware.device'),
    (await property(soap, 'VirtualMachine', 'vm-103', 'summary.config.instanceUuid'))?.text,
  ];
  lab.vcenter.changeVm('vm-103', { connectionState: 'inaccessible' });
  expect(await told()).toEqual([undefined, expect.any(String)]);
  lab.vcenter.changeVm('vm-103', { connectionState: 'invalid' });
  expect(await told()).toEqual([undefined, undefined]);
});

test('disks added and removed from outside are seen at the next read', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  lab.vcenter.addDisk('vm-102', {
    key: 2002,
    label: 'Hard disk 3',
    controllerKey: 1000,
    unitNumber: 5,
    capacityBytes: 1024 ** 3,
    backing: { kind: 'nfs', datastore: 'NFS-1', fileName: '[NFS-1] rdm01/rdm01_2.vmdk' },
  });
  expect(disksOf(await property(soap, 'VirtualMachine', 'vm-102', 'config.hardware.device'))).toHaveLength(3);
  expect((await property(soap, 'VirtualMachine', 'vm-102', 'datastore'))?.children.map((ref) => ref.text)).toEqual([
    'datastore-13',
    'datastore-15',
  ]);
  lab.vcenter.removeDisk('vm-102', 2002);
  expect(disksOf(await property(soap, 'VirtualMachine', 'vm-102', 'config.hardware.device'))).toHaveLength(2);
});
