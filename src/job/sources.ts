import { SnaphookError } from '../ports/errors.ts';
import type { InstanceUuid } from '../ports/identity.ts';
import type { ArrayFacts, Device, StorageArray } from '../ports/storage-array.ts';
import {
  type ArrayAnswer,
  checkDatastore,
  type IdentifiedDevice,
  identify,
  identitiesOf,
  type VmDisk,
} from './identity.ts';

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
  /** Uuid of its VMFS, as vCenter shows it. */
  readonly vmfsUuid: string | undefined;
}

export interface FoundSources {
  readonly array: StorageArray;
  readonly facts: ArrayFacts;
  readonly sources: readonly SourceDevice[];
  readonly pool: readonly Device[];
  /** What agrees and an admin should know all the same. */
  readonly notes: readonly string[];
}

/** Storage containers by vVol object id, where vCenter tells them. */
export const containersOf = (disks: readonly VmDisk[]): ReadonlyMap<string, string> =>
  new Map(
    disks.flatMap(({ disk: { backing } }) =>
      backing.kind === 'vvol' && backing.containerId !== undefined
        ? [[backing.objectId, backing.containerId] as const]
        : [],
    ),
  );

/** Which of the storage containers the array has, by id, with their names. */
export async function containersOn(
  array: StorageArray,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const names = await array.storageContainers(ids, signal);
  return new Map(
    ids.flatMap((id, index) => {
      const name = names[index];
      return name === undefined ? [] : [[id, name] as const];
    }),
  );
}

/** What the arrays answer for the disks, whether it fits or not: position i of each list belongs to identity i. */
async function askArrays(
  arrays: readonly StorageArray[],
  pool: string,
  disks: readonly VmDisk[],
  signal: AbortSignal,
): Promise<{ readonly identities: readonly string[]; readonly answers: readonly ArrayAnswer[] }> {
  const identities = [...new Set(disks.flatMap(({ disk }) => identitiesOf(disk)))];
  const containers = containersOf(disks);
  const answers = await Promise.all(
    arrays.map(async (array) => {
      const facts = await array.facts(signal);
      const inventory = await array.inventory({ identities, pool, containers }, signal);
      // With one array there is no other that could have the container; the array's name in vCenter is compared in any case.
      const asked = arrays.length > 1 ? containers.values() : [];
      return { array, facts, inventory, containers: await containersOn(array, [...new Set(asked)], signal) };
    }),
  );
  return { identities, answers };
}

/** Asks the configured arrays for the devices behind the disks. All of them must be on one array: one establish, one instant. */
export async function findSources(
  arrays: readonly StorageArray[],
  pool: string,
  disks: readonly VmDisk[],
  signal: AbortSignal,
): Promise<FoundSources> {
  const { identities, answers } = await askArrays(arrays, pool, disks, signal);
  const found = new Map<string, IdentifiedDevice>();
  for (const owner of disks) {
    const devices = identitiesOf(owner.disk).map((identity) => {
      const known = found.get(identity) ?? identify(identity, identities.indexOf(identity), answers, owner);
      found.set(identity, known);
      return known;
    });
    checkDatastore(owner, devices);
  }
  const all = [...found.values()];
  const home = all[0]?.answer;
  if (!home) throw new SnaphookError('E_DEVICE_NOT_FOUND', 'the selected VMs have no disk on an array device');
  const stranger = all.find(({ answer }) => answer !== home);
  if (stranger) {
    throw new SnaphookError(
      'E_DEVICE_UNFIT',
      `the selected VMs have disks on two arrays, "${home.array.id}" and "${stranger.answer.array.id}": no common point in time`,
      { hint: 'Split the job so that each job stays on one array.' },
    );
  }
  return {
    array: home.array,
    facts: home.facts,
    sources: collect(disks, found),
    pool: home.inventory.pool,
    notes: [...new Set(all.flatMap(({ notes }) => notes))],
  };
}

function collect(disks: readonly VmDisk[], found: ReadonlyMap<string, IdentifiedDevice>): readonly SourceDevice[] {
  const sources = new Map<string, SourceDevice>();
  for (const { vm, disk } of disks) {
    for (const identity of identitiesOf(disk)) {
      const device = found.get(identity)?.device;
      if (!device) continue;
      const held = { vm: vm.instanceUuid, vmName: vm.name, key: disk.key, label: disk.label };
      const known = sources.get(device.id);
      const holds = disk.backing.kind === 'vmfs' ? 'datastore' : 'disk';
      if (known && (known.holds === 'disk' || holds === 'disk')) throw sharedDevice(device, known, held);
      sources.set(device.id, {
        device,
        holds,
        disks: [...(known?.disks ?? []), held],
        diskBytes: disk.capacityBytes,
        datastore: disk.backing.kind === 'vmfs' ? disk.backing.datastore : undefined,
        vmfsUuid: disk.backing.kind === 'vmfs' ? disk.backing.vmfsUuid : undefined,
      });
    }
  }
  return [...sources.values()];
}

function sharedDevice(device: Device, known: SourceDevice, other: SourceDevice['disks'][number]): SnaphookError {
  const first = known.disks[0];
  return new SnaphookError(
    'E_DEVICE_AMBIGUOUS',
    `disk "${first?.label}" of VM "${first?.vmName}" and disk "${other.label}" of VM "${other.vmName}" map to the same device "${device.id}"`,
    { hint: 'A shared disk is captured once: select only one of the VMs, or check the mapping in vCenter.' },
  );
}
