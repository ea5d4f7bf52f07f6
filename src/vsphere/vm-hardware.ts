import type { AdapterNetwork, NetworkAdapter, VmHardware } from '../ports/vm-hardware.ts';
import { arrayItems, boolean, child, integer, text, typeOf } from './decode.ts';
import type { ObjectProperties } from './property-collector.ts';

const DEVICES = 'config.hardware.device';

/** Properties of a VirtualMachine that its hardware is read from, beside its devices. */
export const VM_HARDWARE_PROPERTIES = [
  'config.version',
  'config.guestId',
  'config.firmware',
  'config.bootOptions',
  'config.flags.diskUuidEnabled',
  'config.hardware.numCPU',
  'config.hardware.numCoresPerSocket',
  'config.hardware.memoryMB',
  'config.uuid',
];

const CONTROLLER =
  /^(?:VirtualIDE|VirtualAHCI|VirtualNVME|ParaVirtualSCSI|VirtualLsiLogic|VirtualLsiLogicSAS|VirtualBusLogic)Controller$/;
const ADAPTER = /^Virtual(?:Vmxnet[23]?|E1000e?|PCNet32|SriovEthernetCard)$/;
/** It is a part of the hardware of one host. */
const PASSED_THROUGH = 'VirtualSriovEthernetCard';

/** Undefined where vCenter shows no size of the VM. */
export function vmHardware({ properties }: ObjectProperties): VmHardware | undefined {
  const cpus = integer(properties.get('config.hardware.numCPU'));
  const memoryMiB = integer(properties.get('config.hardware.memoryMB'));
  if (cpus === undefined || memoryMiB === undefined) return undefined;
  const devices = arrayItems(properties.get(DEVICES));
  const ofType = (pattern: RegExp) => devices.filter((device) => pattern.test(typeOf(device) ?? ''));
  return {
    version: text(properties.get('config.version')),
    guestId: text(properties.get('config.guestId')),
    firmware: text(properties.get('config.firmware')) === 'efi' ? 'efi' : 'bios',
    secureBoot: boolean(child(properties.get('config.bootOptions'), 'efiSecureBootEnabled')) ?? false,
    tpm: ofType(/^VirtualTPM$/).length > 0,
    cpus,
    coresPerSocket: integer(properties.get('config.hardware.numCoresPerSocket')) ?? 1,
    memoryMiB,
    biosUuid: text(properties.get('config.uuid')),
    showsSerials: boolean(properties.get('config.flags.diskUuidEnabled')) ?? false,
    controllers: ofType(CONTROLLER).map((device) => ({
      key: integer(child(device, 'key')) ?? -1,
      type: typeOf(device) ?? '',
      busNumber: integer(child(device, 'busNumber')) ?? 0,
    })),
    slots: ofType(/^VirtualDisk$/).map((device) => ({
      disk: integer(child(device, 'key')) ?? -1,
      controller: integer(child(device, 'controllerKey')) ?? -1,
      unit: integer(child(device, 'unitNumber')) ?? -1,
    })),
    adapters: ofType(ADAPTER).map(adapter),
  };
}

const adapter = (device: unknown): NetworkAdapter => ({
  label: text(child(device, 'deviceInfo', 'label')) ?? 'network adapter',
  type: typeOf(device) ?? '',
  macAddress: text(child(device, 'macAddress')),
  addressType: text(child(device, 'addressType')),
  network: typeOf(device) === PASSED_THROUGH ? { kind: 'other' } : networkOf(child(device, 'backing')),
});

function networkOf(backing: unknown): AdapterNetwork {
  const name = text(child(backing, 'deviceName'));
  if (typeOf(backing) === 'VirtualEthernetCardNetworkBackingInfo' && name !== undefined) {
    return { kind: 'standard', name };
  }
  const switchUuid = text(child(backing, 'port', 'switchUuid'));
  const portgroupKey = text(child(backing, 'port', 'portgroupKey'));
  return typeOf(backing) === 'VirtualEthernetCardDistributedVirtualPortBackingInfo' && switchUuid && portgroupKey
    ? { kind: 'distributed', switchUuid, portgroupKey }
    : { kind: 'other' };
}
