import type { ImageFile } from '../ports/images.ts';
import type { DiskController, NetworkAdapter, VmHardware } from '../ports/vm-hardware.ts';

/** A disk of the VM, and the image beside the descriptor that holds it. */
export interface OvfDisk {
  /** Device key in the VM. */
  readonly key: number;
  readonly label: string;
  readonly image: Pick<ImageFile, 'sizeBytes' | 'dataBytes'>;
  /** Name of the image in the folder of the descriptor. */
  readonly fileName: string;
}

interface Kind {
  /** `ResourceType` of CIM_ResourceAllocationSettingData. */
  readonly type: number;
  readonly subType: string | undefined;
}

/** As vSphere itself writes and reads them. */
const CONTROLLERS: Readonly<Record<string, Kind>> = {
  VirtualIDEController: { type: 5, subType: undefined },
  VirtualLsiLogicController: { type: 6, subType: 'lsilogic' },
  VirtualLsiLogicSASController: { type: 6, subType: 'lsilogicsas' },
  VirtualBusLogicController: { type: 6, subType: 'buslogic' },
  ParaVirtualSCSIController: { type: 6, subType: 'VirtualSCSI' },
  VirtualAHCIController: { type: 20, subType: 'vmware.sata.ahci' },
  VirtualNVMEController: { type: 20, subType: 'vmware.nvme.controller' },
};

const ADAPTERS: Readonly<Record<string, string>> = {
  VirtualVmxnet: 'VmxNet',
  VirtualVmxnet2: 'VmxNet2',
  VirtualVmxnet3: 'VmxNet3',
  VirtualE1000: 'E1000',
  VirtualE1000e: 'E1000e',
  VirtualPCNet32: 'PCNet32',
};

const STREAM_OPTIMIZED = 'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized';
const CIM = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2';

/** Can every one of these disks be placed on a controller that OVF has a name for? */
export const canDescribe = ({ controllers, slots }: VmHardware, disks: readonly number[]): boolean =>
  disks.length > 0 &&
  disks.every((key) => {
    const slot = slots.find(({ disk }) => disk === key);
    const controller = slot && controllers.find((one) => one.key === slot.controller);
    return controller !== undefined && CONTROLLERS[controller.type] !== undefined;
  });

/**
 * The OVF 1.1 descriptor (DMTF DSP0243) of a VM whose disks are streamOptimized VMDKs beside it. Addresses and UUIDs are left out: who
 * imports it makes another VM. Networks that are known by a key alone get the adapter's label, to be mapped at the import.
 */
export function ovfDescriptor(name: string, hardware: VmHardware, disks: readonly OvfDisk[]): string {
  const adapters = hardware.adapters.filter(({ type }) => ADAPTERS[type] !== undefined);
  const networks = [...new Set(adapters.map(networkName))];
  return `${[
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"' +
      ` xmlns:rasd="${CIM}/CIM_ResourceAllocationSettingData" xmlns:vssd="${CIM}/CIM_VirtualSystemSettingData"` +
      ' xmlns:vmw="http://www.vmware.com/schema/ovf">',
    '  <References>',
    ...disks.map((disk, nth) => `    <File ovf:href="${escaped(encodeURI(disk.fileName))}" ovf:id="file${nth + 1}"/>`),
    '  </References>',
    '  <DiskSection>',
    '    <Info>The virtual disks</Info>',
    ...disks.map(
      ({ image }, nth) =>
        `    <Disk ovf:capacity="${image.sizeBytes}" ovf:capacityAllocationUnits="byte" ovf:diskId="disk${nth + 1}"` +
        ` ovf:fileRef="file${nth + 1}" ovf:format="${STREAM_OPTIMIZED}" ovf:populatedSize="${image.dataBytes}"/>`,
    ),
    '  </DiskSection>',
    '  <NetworkSection>',
    '    <Info>The networks of the adapters</Info>',
    ...networks.map((network) => `    <Network ovf:name="${escaped(network)}"/>`),
    '  </NetworkSection>',
    '  <VirtualSystem ovf:id="vm">',
    '    <Info>A virtual machine</Info>',
    `    <Name>${escaped(name)}</Name>`,
    // 1: other. What it is stands in the attribute, in words of vSphere.
    `    <OperatingSystemSection ovf:id="1"${attribute('vmw:osType', hardware.guestId)}>`,
    '      <Info>The guest operating system</Info>',
    '    </OperatingSystemSection>',
    '    <VirtualHardwareSection>',
    '      <Info>The virtual hardware</Info>',
    ...system(hardware.version),
    ...items(hardware, disks, adapters),
    ...config(hardware),
    '    </VirtualHardwareSection>',
    '  </VirtualSystem>',
    '</Envelope>',
  ].join('\n')}\n`;
}

const system = (version: string | undefined): readonly string[] => [
  '      <System>',
  '        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>',
  '        <vssd:InstanceID>0</vssd:InstanceID>',
  ...(version === undefined ? [] : [`        <vssd:VirtualSystemType>${escaped(version)}</vssd:VirtualSystemType>`]),
  '      </System>',
];

function items(
  hardware: VmHardware,
  disks: readonly OvfDisk[],
  adapters: readonly NetworkAdapter[],
): readonly string[] {
  const { cpus, coresPerSocket, memoryMiB } = hardware;
  const used = hardware.controllers.filter(({ type }) => CONTROLLERS[type] !== undefined);
  const idOf = (controller: number) => FIRST_CONTROLLER + used.findIndex(({ key }) => key === controller);
  return [
    ...item(
      {
        AllocationUnits: 'hertz * 10^6',
        ElementName: `${cpus} virtual CPU(s)`,
        InstanceID: 1,
        ResourceType: 3,
        VirtualQuantity: cpus,
      },
      [`<vmw:CoresPerSocket ovf:required="false">${coresPerSocket}</vmw:CoresPerSocket>`],
    ),
    ...item({
      AllocationUnits: 'byte * 2^20',
      ElementName: `${memoryMiB} MiB of memory`,
      InstanceID: 2,
      ResourceType: 4,
      VirtualQuantity: memoryMiB,
    }),
    ...used.flatMap((controller) => controllerItem(controller, idOf(controller.key))),
    ...disks.flatMap(({ key, label }, nth) => {
      const slot = hardware.slots.find(({ disk }) => disk === key);
      return item({
        AddressOnParent: slot?.unit,
        ElementName: label,
        HostResource: `ovf:/disk/disk${nth + 1}`,
        InstanceID: FIRST_CONTROLLER + used.length + nth,
        Parent: slot && idOf(slot.controller),
        ResourceType: 17,
      });
    }),
    ...adapters.flatMap((adapter, nth) =>
      item({
        AddressOnParent: FIRST_ADAPTER_ADDRESS + nth,
        AutomaticAllocation: 'true',
        Connection: networkName(adapter),
        ElementName: adapter.label,
        InstanceID: FIRST_CONTROLLER + used.length + disks.length + nth,
        ResourceSubType: ADAPTERS[adapter.type],
        ResourceType: 10,
      }),
    ),
  ];
}

/** After the processors and the memory. */
const FIRST_CONTROLLER = 3;
/** Where vSphere counts adapters from. */
const FIRST_ADAPTER_ADDRESS = 7;

const controllerItem = ({ type, busNumber }: DiskController, id: number): readonly string[] =>
  item({
    Address: busNumber,
    ElementName: `${type} ${busNumber}`,
    InstanceID: id,
    ResourceSubType: CONTROLLERS[type]?.subType,
    ResourceType: CONTROLLERS[type]?.type,
  });

/** The schema has the fields of an item in the order of the alphabet, and those of others after them. */
const item = (
  fields: Readonly<Record<string, string | number | undefined>>,
  others: readonly string[] = [],
): readonly string[] => [
  '      <Item>',
  ...Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `        <rasd:${name}>${escaped(String(value))}</rasd:${name}>`),
  ...others.map((line) => `        ${line}`),
  '      </Item>',
];

const config = ({ firmware, secureBoot, showsSerials }: VmHardware): readonly string[] => [
  `      <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="${firmware}"/>`,
  `      <vmw:Config ovf:required="false" vmw:key="bootOptions.efiSecureBootEnabled" vmw:value="${secureBoot}"/>`,
  ...(showsSerials ? ['      <vmw:ExtraConfig ovf:required="false" vmw:key="disk.EnableUUID" vmw:value="TRUE"/>'] : []),
];

const networkName = ({ network, label }: NetworkAdapter): string =>
  network.kind === 'standard' ? network.name : label;

const attribute = (name: string, value: string | undefined): string =>
  value === undefined ? '' : ` ${name}="${escaped(value)}"`;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** All but the characters that XML 1.0 has a way to write (its production 2), line breaks left out, too: they are in no name. */
const UNWRITABLE = /[^\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

function escaped(text: string): string {
  return text.replace(UNWRITABLE, '').replace(/[&<>"]/g, (character) => ENTITIES[character] ?? '');
}
