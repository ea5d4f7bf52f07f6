import { SnaphookError } from '../ports/errors.ts';
import type { VirtualDisk, VmRecord } from '../ports/hypervisor.ts';
import type { InstanceUuid } from '../ports/identity.ts';
import type { ArrayFacts, Device, StorageArray } from '../ports/storage-array.ts';
import { bytesOfCylinders } from './plan.ts';

/** A device to snap and what it holds of the selected VMs. */
export interface SourceDevice {
  readonly device: Device;
  readonly holds: 'disk' | 'datastore';
  readonly disks: readonly {
    readonly vm: InstanceUuid;
    readonly vmName: string;
    readonly key: number;
    readonly label: string;
  }[];
  /** Size of the virtual disk, where the device is one. */
  readonly diskBytes: number;
  /** Name of the datastore, where the device is an extent of one. */
  readonly datastore: string | undefined;
}

interface VmDisk {
  readonly vm: VmRecord;
  readonly disk: VirtualDisk;
}

/** What vCenter calls the devices behind a disk. */
function identitiesOf({ backing }: VirtualDisk): readonly string[] {
  switch (backing.kind) {
    case 'vvol':
      return [backing.objectId];
    case 'vmfs':
      return backing.extents;
    case 'rdm':
      return [backing.canonicalName];
    case 'unsupported':
      return [];
  }
}

export interface FoundSources {
  readonly array: StorageArray;
  readonly facts: ArrayFacts;
  readonly sources: readonly SourceDevice[];
  readonly pool: readonly Device[];
}

/** Asks the configured arrays for the devices behind the disks. All of them must be on one array: one establish, one instant. */
export async function findSources(
  arrays: readonly StorageArray[],
  pool: string,
  disks: readonly VmDisk[],
  signal: AbortSignal,
): Promise<FoundSources> {
  const identities = [...new Set(disks.flatMap(({ disk }) => identitiesOf(disk)))];
  const answers = await Promise.all(
    arrays.map(async (array) => {
      const facts = await array.facts(signal);
      return { array, facts, inventory: await array.inventory({ identities, pool }, signal) };
    }),
  );
  const found = identities.map((identity, index) => {
    const matches = answers.flatMap((answer) =>
      (answer.inventory.sources[index] ?? []).map((device) => ({ answer, device })),
    );
    const [match, ...others] = matches;
    if (!match) throw notFound(identity, describeDisk(disks, identity), arrays);
    if (others.length > 0) {
      const list = matches.map(({ answer, device }) => `${answer.array.id}/${device.id}`).join(', ');
      throw new SnaphookError(
        'E_DEVICE_AMBIGUOUS',
        `${describeDisk(disks, identity)} ("${identity}") matches ${matches.length} devices: ${list}`,
        {
          hint: 'The identity must name one device. Check duplicate effective WWNs in Unisphere before anything is snapped.',
        },
      );
    }
    return { identity, ...match };
  });
  const home = found[0]?.answer;
  if (!home) throw new SnaphookError('E_DEVICE_NOT_FOUND', 'the selected VMs have no disk on an array device');
  const stranger = found.find(({ answer }) => answer !== home);
  if (stranger) {
    throw new SnaphookError(
      'E_DEVICE_UNFIT',
      `the selected VMs have disks on two arrays, "${home.array.id}" and "${stranger.answer.array.id}": no common point in time`,
      { hint: 'Split the job so that each job stays on one array.' },
    );
  }
  const sources = collect(disks, new Map(found.map(({ identity, device }) => [identity, device])));
  return { array: home.array, facts: home.facts, sources, pool: home.inventory.pool };
}

function collect(disks: readonly VmDisk[], devices: ReadonlyMap<string, Device>): readonly SourceDevice[] {
  const sources = new Map<string, SourceDevice>();
  for (const { vm, disk } of disks) {
    for (const identity of identitiesOf(disk)) {
      const device = devices.get(identity);
      if (!device) continue;
      const held = { vm: vm.instanceUuid, vmName: vm.name, key: disk.key, label: disk.label };
      const known = sources.get(device.id);
      const holds = disk.backing.kind === 'vmfs' ? 'datastore' : 'disk';
      if (known && (known.holds === 'disk' || holds === 'disk')) throw sharedDevice(device, known, held);
      if (holds === 'disk') checkFits(disk, vm, device);
      sources.set(device.id, {
        device,
        holds,
        disks: [...(known?.disks ?? []), held],
        diskBytes: disk.capacityBytes,
        datastore: disk.backing.kind === 'vmfs' ? disk.backing.datastore : undefined,
      });
    }
  }
  return [...sources.values()];
}

function checkFits(disk: VirtualDisk, vm: VmRecord, device: Device): void {
  const deviceBytes = bytesOfCylinders(device.cylinders);
  if (deviceBytes >= disk.capacityBytes) return;
  throw new SnaphookError(
    'E_DEVICE_UNFIT',
    `device "${device.id}" has ${deviceBytes} bytes, less than disk "${disk.label}" of VM "${vm.name}" (${disk.capacityBytes})`,
    {
      hint: 'vCenter and the array do not speak of the same disk. Rescan the datastore, then run `snaphook plan` again.',
    },
  );
}

function sharedDevice(device: Device, known: SourceDevice, other: SourceDevice['disks'][number]): SnaphookError {
  const first = known.disks[0];
  return new SnaphookError(
    'E_DEVICE_AMBIGUOUS',
    `disk "${first?.label}" of VM "${first?.vmName}" and disk "${other.label}" of VM "${other.vmName}" map to the same device "${device.id}"`,
    { hint: 'A shared disk is captured once: select only one of the VMs, or check the mapping in vCenter.' },
  );
}

function describeDisk(disks: readonly VmDisk[], identity: string): string {
  const owner = disks.find(({ disk }) => identitiesOf(disk).includes(identity));
  return owner ? `disk "${owner.disk.label}" of VM "${owner.vm.name}"` : 'a disk';
}

function notFound(identity: string, disk: string, arrays: readonly StorageArray[]): SnaphookError {
  const list = arrays.map((array) => `"${array.id}"`).join(', ');
  return new SnaphookError('E_DEVICE_NOT_FOUND', `${disk} ("${identity}") is no device of array ${list}`, {
    hint: 'Add the array that holds it to the configuration, or check in Unisphere whether the device was removed.',
  });
}
