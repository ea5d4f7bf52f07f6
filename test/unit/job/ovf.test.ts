import { canDescribe, type OvfDisk, ovfDescriptor } from '../../../src/job/ovf.ts';
import { attributeOf, childrenOf, descend, parseXml, type XmlElement } from '../../../src/platform/xml.ts';
import type { VmHardware } from '../../../src/ports/vm-hardware.ts';

const OVF = 'http://schemas.dmtf.org/ovf/envelope/1';
const HARDWARE: VmHardware = {
  version: 'vmx-19',
  guestId: 'debian12_64Guest',
  firmware: 'efi',
  secureBoot: true,
  tpm: false,
  cpus: 4,
  coresPerSocket: 2,
  memoryMiB: 8192,
  biosUuid: '420c1111-2222-3333-4444-555555555555',
  showsSerials: true,
  controllers: [
    { key: 200, type: 'VirtualIDEController', busNumber: 0 },
    { key: 1000, type: 'ParaVirtualSCSIController', busNumber: 0 },
    { key: 1001, type: 'VirtualLsiLogicSASController', busNumber: 1 },
    { key: 15000, type: 'VirtualAHCIController', busNumber: 0 },
    { key: 31000, type: 'VirtualNVMEController', busNumber: 0 },
  ],
  slots: [
    { disk: 2000, controller: 1000, unit: 0 },
    { disk: 2001, controller: 1001, unit: 3 },
    { disk: 2002, controller: 31000, unit: 1 },
    { disk: 2003, controller: 15000, unit: 2 },
  ],
  adapters: [
    {
      label: 'Network adapter 1',
      type: 'VirtualVmxnet3',
      macAddress: '00:50:56:00:00:01',
      addressType: 'manual',
      network: { kind: 'standard', name: 'R&D <"lan">' },
    },
    {
      label: 'Network adapter 2',
      type: 'VirtualE1000e',
      macAddress: undefined,
      addressType: undefined,
      network: { kind: 'distributed', switchUuid: 's', portgroupKey: 'p' },
    },
    {
      label: 'PCI',
      type: 'VirtualSriovEthernetCard',
      macAddress: undefined,
      addressType: undefined,
      network: { kind: 'other' },
    },
  ],
};
const DISKS: readonly OvfDisk[] = [2000, 2001, 2002, 2003].map((key, nth) => ({
  key,
  label: `Hard disk ${nth + 1}`,
  image: { sizeBytes: (nth + 1) * 1024 ** 3, dataBytes: nth * 65_536 },
  fileName: `hard-disk-${nth + 1}.vmdk`,
}));

const parsed = () => parseXml(ovfDescriptor('sql <01> & "co"\u0007', HARDWARE, DISKS));
const of = (root: XmlElement, ...path: readonly string[]) => descend(root, ...path) ?? fail(path.join('/'));
const fail = (path: string): never => {
  throw new Error(`there is no ${path}`);
};
const itemsOf = (root: XmlElement) => {
  const section = of(root, 'VirtualSystem', 'VirtualHardwareSection');
  return childrenOf(section, 'Item').map((item) => ({
    names: item.children.map(({ name }) => name),
    fields: Object.fromEntries(item.children.map(({ name, text }) => [name, text])) as Record<string, string>, // of text alone
  }));
};

test('sections and fields come in the order that the schemas of OVF 1.1 and CIM want', () => {
  const root = parsed();
  expect([root.name, root.namespace]).toEqual(['Envelope', OVF]);
  expect(root.children.map(({ name }) => name)).toEqual([
    'References',
    'DiskSection',
    'NetworkSection',
    'VirtualSystem',
  ]);
  expect(of(root, 'VirtualSystem').children.map(({ name }) => name)).toEqual([
    'Info',
    'Name',
    'OperatingSystemSection',
    'VirtualHardwareSection',
  ]);
  const section = of(root, 'VirtualSystem', 'VirtualHardwareSection');
  const order = section.children.map(({ name }) => name);
  expect(order.filter((name, index) => name !== order[index - 1])).toEqual([
    'Info',
    'System',
    'Item',
    'Config',
    'ExtraConfig',
  ]);
  for (const { names, fields } of itemsOf(root)) {
    const own = names.filter((name) => name !== 'CoresPerSocket');
    expect(own).toEqual(own.toSorted());
    expect(names.slice(0, own.length)).toEqual(own);
    expect(names).toEqual(expect.arrayContaining(['ElementName', 'InstanceID', 'ResourceType']));
    expect(Number(fields.InstanceID)).toBeGreaterThan(0);
  }
});

test('every reference leads to what it names, and no two things have one id', () => {
  const root = parsed();
  const ids = (path: string, element: string, name: string) =>
    childrenOf(of(root, path), element).map((one) => attributeOf(one, name, OVF) ?? '');
  const files = ids('References', 'File', 'id');
  expect(ids('References', 'File', 'href')).toEqual(DISKS.map(({ fileName }) => fileName));
  expect(ids('DiskSection', 'Disk', 'fileRef')).toEqual(files);
  expect(new Set(files).size).toBe(DISKS.length);
  expect(ids('DiskSection', 'Disk', 'capacity').map(Number)).toEqual(DISKS.map(({ image }) => image.sizeBytes));
  expect(new Set(ids('DiskSection', 'Disk', 'format'))).toEqual(
    new Set(['http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized']),
  );
  const items = itemsOf(root).map(({ fields }) => fields);
  expect(new Set(items.map(({ InstanceID }) => InstanceID)).size).toBe(items.length);
  const disks = items.filter(({ ResourceType }) => ResourceType === '17');
  const places = disks.map((disk) => {
    const parent = items.find(({ InstanceID }) => InstanceID === disk.Parent);
    return [disk.HostResource, parent?.ResourceType, parent?.ResourceSubType, parent?.Address, disk.AddressOnParent];
  });
  expect(places).toEqual([
    ['ovf:/disk/disk1', '6', 'VirtualSCSI', '0', '0'],
    ['ovf:/disk/disk2', '6', 'lsilogicsas', '1', '3'],
    ['ovf:/disk/disk3', '20', 'vmware.nvme.controller', '0', '1'],
    ['ovf:/disk/disk4', '20', 'vmware.sata.ahci', '0', '2'],
  ]);
  const networks = ids('NetworkSection', 'Network', 'name');
  expect(networks).toEqual(['R&D <"lan">', 'Network adapter 2']);
  const adapters = items.filter(({ ResourceType }) => ResourceType === '10');
  expect(adapters.map(({ Connection, ResourceSubType }) => [Connection, ResourceSubType])).toEqual([
    ['R&D <"lan">', 'VmxNet3'],
    ['Network adapter 2', 'E1000e'],
  ]);
});

test('size, firmware and names are those of the VM, its addresses and UUIDs are not told', () => {
  const text = ovfDescriptor('sql <01> & "co"\u0007', HARDWARE, DISKS);
  const root = parseXml(text);
  expect(of(root, 'VirtualSystem', 'Name').text).toBe('sql <01> & "co"');
  const [cpu, memory] = itemsOf(root).map(({ fields }) => fields);
  expect(cpu).toMatchObject({ ResourceType: '3', VirtualQuantity: '4', CoresPerSocket: '2' });
  expect(memory).toMatchObject({ ResourceType: '4', VirtualQuantity: '8192', AllocationUnits: 'byte * 2^20' });
  const config = childrenOf(of(root, 'VirtualSystem', 'VirtualHardwareSection'), 'Config').map(({ attributes }) =>
    attributes.filter(({ namespace }) => namespace !== OVF).map(({ value }) => value),
  );
  expect(config).toEqual([
    ['firmware', 'efi'],
    ['bootOptions.efiSecureBootEnabled', 'true'],
  ]);
  expect(text).not.toMatch(/00:50:56|420c1111/);
});

test('what XML 1.0 cannot write is left out of a name, and every other character stays', () => {
  const text = ovfDescriptor(
    'a\u0000\u001F\uFFFE\uFFFF\uD800b\uDC00 \u{1F4BE}\uFFFD\u{10FFFF}\uD7FF\uE000',
    HARDWARE,
    DISKS,
  );
  expect(Buffer.from(text, 'utf8').toString('utf8')).toBe(text);
  expect(of(parseXml(text), 'VirtualSystem', 'Name').text).toBe('ab \u{1F4BE}\uFFFD\u{10FFFF}\uD7FF\uE000');
});

test('disks on a controller that OVF has no name for, or on none, are not described', () => {
  const keys = DISKS.map(({ key }) => key);
  const [first, ...others] = HARDWARE.slots;
  expect(canDescribe(HARDWARE, keys)).toBe(true);
  expect(canDescribe({ ...HARDWARE, slots: others }, keys)).toBe(false);
  const controllers = [{ key: first?.controller ?? 0, type: 'VirtualOtherController', busNumber: 0 }];
  expect(canDescribe({ ...HARDWARE, controllers }, [2000])).toBe(false);
  expect(canDescribe(HARDWARE, [])).toBe(false);
});
