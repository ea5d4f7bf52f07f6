import { SnaphookError } from '../ports/errors.ts';
import type { MoRef } from '../ports/identity.ts';
import type { ProxyVmFacts } from '../ports/vm-snapshots.ts';
import { arrayItems, boolean, child, integer, text, typeOf } from './decode.ts';
import { guestDiskUuid } from './disks.ts';
import type { DiskPlace } from './encode.ts';
import type { ObjectProperties } from './property-collector.ts';

/** Properties that `proxyFacts`, `choosePlaces` and `keysOf` read. */
export const PROXY_PROPERTIES = [
  'config.hardware.device',
  'config.version',
  'config.flags.diskUuidEnabled',
  'runtime.powerState',
];

export const devicesOf = ({ properties }: ObjectProperties): readonly unknown[] =>
  arrayItems(properties.get('config.hardware.device'));

const disksOf = (vm: ObjectProperties): readonly unknown[] =>
  devicesOf(vm).filter((device) => typeOf(device) === 'VirtualDisk');

const fileOf = (disk: unknown): string => text(child(disk, 'backing', 'fileName')) ?? '';

const isDiscarding = (disk: unknown): boolean =>
  text(child(disk, 'backing', 'diskMode')) === 'independent_nonpersistent';

export function proxyFacts(vm: ObjectProperties): ProxyVmFacts {
  return {
    poweredOn: text(vm.properties.get('runtime.powerState')) === 'poweredOn',
    showsSerials: boolean(vm.properties.get('config.flags.diskUuidEnabled')) ?? false,
    freePlaces: freePlaces(vm).length,
    disks: disksOf(vm).map((disk) => ({
      diskUuid: guestDiskUuid(text(child(disk, 'backing', 'uuid'))),
      fileName: fileOf(disk),
      isDiscarding: isDiscarding(disk),
    })),
  };
}

/** Device keys of the disks that have one of these files and are independent and non-persistent, as `attach` makes them. */
export function keysOf(vm: ObjectProperties, files: readonly string[]): readonly number[] {
  return disksOf(vm)
    .filter((disk) => isDiscarding(disk) && files.includes(fileOf(disk)))
    .flatMap((disk) => integer(child(disk, 'key')) ?? []);
}

/** Paravirtual SCSI first, which is what current guides of the vendor ask for; a controller with more room before one with less. */
const CONTROLLER_TYPES = [
  'ParaVirtualSCSIController',
  'VirtualLsiLogicSASController',
  'VirtualLsiLogicController',
  'VirtualBusLogicController',
];
/** The controller's own place where it does not tell. */
const CONTROLLER_UNIT = 7;
const UNITS = 16;
/** Of paravirtual SCSI since virtual hardware 14 (vSphere documentation: SCSI controller conditions). */
const MANY_UNITS = 64;
const FIRST_HARDWARE_OF_MANY = 14;

/** Disks are added to running VMs on SCSI controllers only. Errors: `E_PROXY_DEVICE` when there are fewer places than asked for. */
export function choosePlaces(vm: ObjectProperties, proxyVm: MoRef, count: number): readonly DiskPlace[] {
  const free = freePlaces(vm);
  if (free.length < count) {
    throw new SnaphookError(
      'E_PROXY_DEVICE',
      `proxy VM "${proxyVm}" has room for ${free.length} more disk(s), and ${count} are to be added`,
      { hint: 'Add SCSI controllers (best paravirtual ones, four at most) to the proxy VM, or split the job.' },
    );
  }
  return free.slice(0, count);
}

/** On SCSI controllers of this VM alone: others would see a disk on one that is shared. */
export function freePlaces(vm: ObjectProperties): readonly DiskPlace[] {
  const hardware = Number(/^vmx-(\d+)$/.exec(text(vm.properties.get('config.version')) ?? '')?.[1] ?? 0);
  const taken = new Set(
    devicesOf(vm).map((device) => `${integer(child(device, 'controllerKey'))}:${integer(child(device, 'unitNumber'))}`),
  );
  const controllers = devicesOf(vm).filter(
    (device) =>
      CONTROLLER_TYPES.includes(typeOf(device) ?? '') &&
      ['noSharing', undefined].includes(text(child(device, 'sharedBus'))),
  );
  const placesOf = (controller: unknown): readonly DiskPlace[] => {
    const controllerKey = integer(child(controller, 'key'));
    if (controllerKey === undefined) return [];
    const isLarge = typeOf(controller) === 'ParaVirtualSCSIController' && hardware >= FIRST_HARDWARE_OF_MANY;
    const own = integer(child(controller, 'scsiCtlrUnitNumber')) ?? CONTROLLER_UNIT;
    return Array.from({ length: isLarge ? MANY_UNITS : UNITS }, (_, unitNumber) => ({
      controllerKey,
      unitNumber,
    })).filter(({ unitNumber }) => unitNumber !== own && !taken.has(`${controllerKey}:${unitNumber}`));
  };
  return controllers
    .map((controller) => ({ rank: CONTROLLER_TYPES.indexOf(typeOf(controller) ?? ''), places: placesOf(controller) }))
    .sort((a, b) => a.rank - b.rank || b.places.length - a.places.length)
    .flatMap(({ places }) => places);
}
