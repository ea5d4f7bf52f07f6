import { SnaphookError } from '../ports/errors.ts';
import type { InstanceUuid } from '../ports/identity.ts';
import type { Device, StorageArray } from '../ports/storage-array.ts';
import {
  type ArrayAnswer,
  arraysNamedBy,
  checkAgreement,
  checkDatastore,
  checkOneArray,
  type FoundDevice,
  findDevice,
  identitiesOf,
  nameOfDisk,
  type VmDisk,
} from './identity.ts';

/** A device to snap and what it holds of the VMs. */
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

/** The devices behind the disks, all on one array: one establish, one instant. */
export interface FoundDevices {
  readonly answers: readonly ArrayAnswer[];
  /** What the array of the devices answered. */
  readonly home: ArrayAnswer;
  readonly byIdentity: ReadonlyMap<string, FoundDevice>;
}

/** The vVol object ids among the disks, with the storage container of each where vCenter tells it. */
export const vvolsOf = (disks: readonly VmDisk[]): ReadonlyMap<string, string | undefined> =>
  new Map(
    disks.flatMap(({ disk: { backing } }) =>
      backing.kind === 'vvol' ? [[backing.objectId, backing.containerId] as const] : [],
    ),
  );

/** What the array calls each of the storage containers; undefined for one that it does not show. */
export async function containersOn(
  array: StorageArray,
  containers: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string | undefined>> {
  const ids = [...containers];
  const names = await array.storageContainers(ids, signal);
  return new Map(ids.map((id, index) => [id, names[index]]));
}

/** The storage containers of the disks, as far as vCenter tells them. */
export const containersOf = (disks: readonly VmDisk[]): ReadonlySet<string> =>
  new Set(disks.flatMap(({ disk: { backing } }) => (backing.kind === 'vvol' ? (backing.containerId ?? []) : [])));

/** With one array there is no other that could have a container of which vCenter names the array: that name is compared in any case. */
const containersInQuestion = (disks: readonly VmDisk[], arrays: number): ReadonlySet<string> =>
  containersOf(arrays > 1 ? disks : disks.filter(({ disk }) => arraysNamedBy(disk.backing).length === 0));

/**
 * Asks the configured arrays for the devices behind the disks. Whether all that is known of them agrees, `checkDevices` tells.
 * Errors: `E_DEVICE_NOT_FOUND`, `E_DEVICE_AMBIGUOUS`, `E_DEVICE_UNFIT` for disks on two arrays.
 */
export async function findDevices(
  arrays: readonly StorageArray[],
  pool: string,
  disks: readonly VmDisk[],
  signal: AbortSignal,
): Promise<FoundDevices> {
  const identities = [...new Set(disks.flatMap(({ disk }) => identitiesOf(disk)))];
  const vvols = vvolsOf(disks);
  const containers = containersInQuestion(disks, arrays.length);
  const answers = await Promise.all(
    arrays.map(async (array) => {
      const facts = await array.facts(signal);
      const inventory = await array.inventory({ identities, pool, vvols }, signal);
      return { array, facts, inventory, containers: await containersOn(array, containers, signal) };
    }),
  );
  const positions = new Map(identities.map((identity, index) => [identity, index]));
  const byIdentity = new Map<string, FoundDevice>();
  for (const owner of disks) {
    const devices = identitiesOf(owner.disk).map((identity) => {
      const known = byIdentity.get(identity) ?? findDevice(identity, positions.get(identity) ?? -1, answers, owner);
      byIdentity.set(identity, known);
      return known;
    });
    checkOneArray(owner, devices);
  }
  return { answers, home: homeOf([...byIdentity.values()]), byIdentity };
}

/** The one array of the devices. Errors: `E_DEVICE_NOT_FOUND` when there is no device, `E_DEVICE_UNFIT` when there are two arrays. */
export function homeOf(devices: readonly FoundDevice[]): ArrayAnswer {
  const home = devices[0]?.answer;
  if (!home) throw new SnaphookError('E_DEVICE_NOT_FOUND', 'the selected VMs have no disk on an array device');
  const stranger = devices.find(({ answer }) => answer !== home);
  if (!stranger) return home;
  throw new SnaphookError(
    'E_DEVICE_UNFIT',
    `the selected VMs have disks on two arrays, "${home.array.id}" and "${stranger.answer.array.id}": no common point in time`,
    { hint: 'Split the job so that each job stays on one array.' },
  );
}

/**
 * No device is snapped of which anything says that it is another one. Returns what agrees and an admin should know all the same.
 * Errors: `E_DEVICE_AMBIGUOUS`, `E_DEVICE_UNFIT`.
 */
export function checkDevices(found: FoundDevices, disks: readonly VmDisk[]): readonly string[] {
  const notes = new Set<string>();
  const checked = new Set<FoundDevice>();
  for (const owner of disks) {
    const devices = identitiesOf(owner.disk).map((identity) => deviceOf(found, owner, identity));
    for (const device of devices) {
      if (checked.has(device)) continue;
      checked.add(device);
      for (const note of checkAgreement(device, found.answers, owner)) notes.add(note);
    }
    checkDatastore(owner, devices);
  }
  return [...notes];
}

/** Each device once, with everything of the VMs that it holds. Errors: `E_DEVICE_AMBIGUOUS` when two disks are one device. */
export function sourcesOf(found: FoundDevices, disks: readonly VmDisk[]): readonly SourceDevice[] {
  const sources = new Map<string, SourceDevice & { readonly disks: SourceDevice['disks'][number][] }>();
  for (const owner of disks) {
    const { vm, disk } = owner;
    for (const identity of identitiesOf(disk)) {
      const { device } = deviceOf(found, owner, identity);
      const held = { vm: vm.instanceUuid, vmName: vm.name, key: disk.key, label: disk.label };
      const known = sources.get(device.id);
      const holds = disk.backing.kind === 'vmfs' ? 'datastore' : 'disk';
      if (known && (known.holds === 'disk' || holds === 'disk')) throw sharedDevice(device, known, held);
      if (known) known.disks.push(held);
      else
        sources.set(device.id, {
          device,
          holds,
          disks: [held],
          diskBytes: disk.capacityBytes,
          datastore: disk.backing.kind === 'vmfs' ? disk.backing.datastore : undefined,
          vmfsUuid: disk.backing.kind === 'vmfs' ? disk.backing.vmfsUuid : undefined,
        });
    }
  }
  return [...sources.values()];
}

/** Neighbours are read after the VMs of the job: their datastore may have got an extent in between. */
function deviceOf({ byIdentity }: FoundDevices, owner: VmDisk, identity: string): FoundDevice {
  const found = byIdentity.get(identity);
  if (found) return found;
  throw new SnaphookError('E_DEVICE_NOT_FOUND', `${nameOfDisk(owner)} ("${identity}") was elsewhere a moment ago`, {
    hint: 'Its storage was changed while the run was planned. Run the job again: it is planned anew.',
    retry: 'safe',
  });
}

function sharedDevice(device: Device, known: SourceDevice, other: SourceDevice['disks'][number]): SnaphookError {
  const first = known.disks[0];
  return new SnaphookError(
    'E_DEVICE_AMBIGUOUS',
    `disk "${first?.label}" of VM "${first?.vmName}" and disk "${other.label}" of VM "${other.vmName}" map to the same device "${device.id}"`,
    { hint: 'A shared disk is captured once: select only one of the VMs, or check the mapping in vCenter.' },
  );
}
