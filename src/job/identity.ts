import { SnaphookError } from '../ports/errors.ts';
import type { DiskBacking, VirtualDisk, VmRecord } from '../ports/hypervisor.ts';
import type {
  ArrayFacts,
  Device,
  DeviceInventory,
  FoundBy,
  IdentityClue,
  StorageArray,
} from '../ports/storage-array.ts';
import { bytesOfCylinders, CYLINDER_BYTES } from './plan.ts';

export interface VmDisk {
  readonly vm: VmRecord;
  readonly disk: VirtualDisk;
}

/** What one array answered; position i of its lists belongs to identity i. */
export interface ArrayAnswer {
  readonly array: StorageArray;
  readonly facts: ArrayFacts;
  readonly inventory: DeviceInventory;
  /** Names of the disks' storage containers on the array, by id; undefined: asked for, and not shown. */
  readonly containers: ReadonlyMap<string, string | undefined>;
}

/** The one device that shows an identity. */
export interface FoundDevice {
  /** As vCenter shows it. */
  readonly identity: string;
  readonly answer: ArrayAnswer;
  readonly device: Device;
  readonly foundBy: FoundBy;
  /** False: the array does not show it among its vVols. Undefined: it was not asked as one. */
  readonly shownAsVvol: boolean | undefined;
  /** What every array answered: whether all of it agrees, `checkAgreement` tells. */
  readonly clues: readonly IdentityClue[];
}

/** What vCenter calls the devices behind a disk. */
export function identitiesOf({ backing }: VirtualDisk): readonly string[] {
  switch (backing.kind) {
    case 'vvol':
      return [backing.objectId];
    case 'vmfs':
      return backing.extents;
    case 'rdm':
      return [backing.canonicalName];
    case 'ambiguous':
    case 'unsupported':
      return [];
  }
}

export const nameOfDisk = ({ vm, disk }: VmDisk): string => `disk "${disk.label}" of VM "${vm.name}"`;

/** Exactly one device that shows a disk's identity, or an error that names every candidate. */
export function findDevice(
  identity: string,
  index: number,
  answers: readonly ArrayAnswer[],
  owner: VmDisk,
): FoundDevice {
  const matches = answers.flatMap((answer) =>
    (answer.inventory.sources[index] ?? []).map((device) => ({ answer, device })),
  );
  const clues = answers.flatMap(({ inventory }) => inventory.clues[index] ?? []);
  const [match, ...others] = matches;
  const what = nameWithIdentity(owner, identity);
  if (!match) throw notFound(what, answers, decodedBy(clues));
  if (others.length > 0) {
    throw new SnaphookError(
      'E_DEVICE_AMBIGUOUS',
      `${what} matches ${matches.length} devices: ${matches.map(({ answer, device }) => nameIn(answer, device)).join(', ')}`,
      {
        hint: 'The identity must name one device. Check duplicate effective WWNs and identifiers in Unisphere before anything is snapped.',
      },
    );
  }
  const { foundBy = 'effective WWN', shownAsVvol } = match.answer.inventory.clues[index] ?? {};
  return { identity, ...match, foundBy, shownAsVvol, clues };
}

const decodedBy = (clues: readonly IdentityClue[]): IdentityClue['decoded'] =>
  clues.find(({ decoded }) => decoded !== undefined)?.decoded;

const nameWithIdentity = (owner: VmDisk, identity: string): string => `${nameOfDisk(owner)} ("${identity}")`;

/**
 * Does everything that is known of the device agree? Compared are what vCenter says (name, size, array of the storage container), what
 * the identity says by itself (array and device in a WWN), and what the arrays say. Returns what fits and is still worth knowing.
 * Errors: `E_DEVICE_AMBIGUOUS`, `E_DEVICE_UNFIT`.
 */
export function checkAgreement(found: FoundDevice, answers: readonly ArrayAnswer[], owner: VmDisk): readonly string[] {
  const { identity, answer, device, clues } = found;
  const what = nameWithIdentity(owner, identity);
  const decoded = decodedBy(clues);
  const notes: string[] = [];
  const names = decoded === undefined ? undefined : `${decoded.arrayId}/${decoded.deviceId}`;
  if (names !== undefined && names !== nameIn(answer, device)) {
    const claimed = clues.find(({ decodedDevice }) => decodedDevice !== undefined)?.decodedDevice;
    if (claimed || device.wwn === undefined || device.wwn === device.effectiveWwn) {
      const shows = claimed && `, which shows "${claimed.effectiveWwn}"`;
      throw new SnaphookError(
        'E_DEVICE_AMBIGUOUS',
        `${what} names device ${names} by itself${shows ?? ''}, but device ${nameIn(answer, device)} shows it`,
        {
          hint: 'Both are candidates. Look at the WWN and the effective WWN of the two in Unisphere; nothing was touched.',
        },
      );
    }
    notes.push(`device "${device.id}" has inherited the identity of ${names}, which no configured array shows`);
  }
  checkDevice(owner, what, answer, device);
  notes.push(...checkContainer(owner, what, answers, found));
  notes.push(...checkBacking(owner, what, found));
  return notes;
}

export const nameIn = ({ array }: Pick<ArrayAnswer, 'array'>, device: Device): string => `${array.id}/${device.id}`;

function checkDevice({ disk }: VmDisk, what: string, answer: ArrayAnswer, device: Device): void {
  const deviceBytes = bytesOfCylinders(device.cylinders);
  if (!device.emulation.toUpperCase().includes('FBA')) {
    throw unfit(
      `${what} is device ${nameIn(answer, device)} with emulation "${device.emulation}", which no ESXi host can use`,
      'The names do not belong together: check the device in Unisphere.',
    );
  }
  if (disk.backing.kind === 'vmfs' || deviceBytes >= disk.capacityBytes) return;
  throw unfit(
    `device "${device.id}" has ${deviceBytes} bytes, less than ${what} (${disk.capacityBytes})`,
    'vCenter and the array do not speak of the same disk. Rescan the datastore, then run `snaphook plan` again.',
  );
}

/** That a container's id in vCenter is its uuid on the array is not confirmed: where no array shows it, that is told and no reason. */
function checkContainer(
  { disk: { backing } }: VmDisk,
  what: string,
  answers: readonly ArrayAnswer[],
  { answer, device }: { readonly answer: ArrayAnswer; readonly device: Device },
): readonly string[] {
  if (backing.kind !== 'vvol' || backing.containerId === undefined) return [];
  const { containerId, datastore } = backing;
  if (answer.containers.get(containerId) !== undefined) return [];
  const holder = answers.find(({ containers }) => containers.get(containerId) !== undefined);
  if (!holder) {
    const wasAsked = answer.containers.has(containerId);
    const told = `no configured array shows storage container "${containerId}", which vCenter tells of datastore "${datastore}"`;
    return wasAsked ? [told] : [];
  }
  throw unfit(
    `${what} lies in storage container "${holder.containers.get(containerId)}" of array ${holder.array.id}, but device ${nameIn(answer, device)} shows it`,
    'Check in Unisphere of both arrays which of them has the vVol.',
  );
}

/** The VASA provider names arrays in words of its own; what looks like an array id must be one. Their form is not confirmed. */
export const arraysNamedBy = (backing: DiskBacking): readonly string[] =>
  backing.kind === 'vvol'
    ? [...new Set(backing.vasaArrays.flatMap((words) => words.match(/(?<!\d)\d{12}(?!\d)/g) ?? []))]
    : [];

function checkBacking(
  { disk }: VmDisk,
  what: string,
  { answer, device, foundBy, shownAsVvol }: FoundDevice,
): readonly string[] {
  const { backing, capacityBytes } = disk;
  const deviceBytes = bytesOfCylinders(device.cylinders);
  if (backing.kind === 'rdm') {
    if (backing.lunBytes === undefined || backing.lunBytes === deviceBytes) return [];
    throw unfit(
      `${what} has ${backing.lunBytes} bytes on its ESXi host, and device ${nameIn(answer, device)} has ${deviceBytes}`,
      'If the device was expanded, rescan the storage of the host; else the two are not the same device.',
    );
  }
  if (backing.kind !== 'vvol') return [];
  if (shownAsVvol === false) {
    throw unfit(
      `${what} is a vVol, and device ${nameIn(answer, device)}, which shows its id, is not among the vVols of the array`,
      'Look at the device and at the storage containers in Unisphere: another device has the name of the vVol.',
    );
  }
  const named = arraysNamedBy(backing);
  if (named.length > 0 && !named.includes(answer.array.id)) {
    throw unfit(
      `${what} lies in a storage container of array ${named.join(', ')}, but device ${nameIn(answer, device)} shows it`,
      'Check in vCenter which array the storage container of the datastore belongs to.',
    );
  }
  // Arrays make whole cylinders of what is asked for.
  const isRounded = deviceBytes - capacityBytes < CYLINDER_BYTES;
  if (foundBy === 'identifier' && !(isRounded && named.length > 0)) {
    throw new SnaphookError(
      'E_DEVICE_AMBIGUOUS',
      `${what} is only named by the identifier of device ${nameIn(answer, device)}, and size and storage container do not prove it`,
      { hint: 'An identifier is a free text. Leave the VM to another backup method until its vVol can be recognised.' },
    );
  }
  const notes: string[] = [];
  if (foundBy === 'identifier') notes.push(`${what} was found by the identifier of device "${device.id}" alone`);
  if (!isRounded)
    notes.push(
      `device "${device.id}" is ${deviceBytes - capacityBytes} bytes larger than ${what}: more than rounding up`,
    );
  return notes;
}

/** A datastore is all of its extents, at one instant: they are on one array. */
export function checkOneArray({ disk: { backing } }: VmDisk, extents: readonly FoundDevice[]): void {
  if (backing.kind !== 'vmfs') return;
  const arrays = new Set(extents.map(({ answer }) => answer.array.id));
  if (arrays.size <= 1) return;
  const list = extents.map(({ answer, device }) => nameIn(answer, device)).join(', ');
  throw unfit(
    `datastore "${backing.datastore}" lies on ${arrays.size} arrays (${list}): no common point in time`,
    'Move the datastore to one array, or leave its VMs to another backup method.',
  );
}

/** The extents of a datastore are together at least as large as vCenter says. */
export function checkDatastore({ disk: { backing } }: VmDisk, extents: readonly FoundDevice[]): void {
  if (backing.kind !== 'vmfs') return;
  const bytes = extents.reduce((sum, { device }) => sum + bytesOfCylinders(device.cylinders), 0);
  if (backing.datastoreBytes === undefined || bytes >= backing.datastoreBytes) return;
  throw unfit(
    `datastore "${backing.datastore}" has ${backing.datastoreBytes} bytes, more than its ${extents.length} extent(s) on the array (${bytes})`,
    'vCenter and the array do not speak of the same devices. Rescan the storage of the hosts, then run `snaphook plan` again.',
  );
}

function notFound(what: string, answers: readonly ArrayAnswer[], decoded: IdentityClue['decoded']): SnaphookError {
  const list = answers.map(({ array }) => `"${array.id}"`).join(', ');
  const names = decoded === undefined ? '' : `; it names device "${decoded.deviceId}" of array "${decoded.arrayId}"`;
  return new SnaphookError('E_DEVICE_NOT_FOUND', `${what} is no device of array ${list}${names}`, {
    hint: 'Add the array that holds it to the configuration, or check in Unisphere whether the device was removed.',
  });
}

const unfit = (message: string, hint: string): SnaphookError => new SnaphookError('E_DEVICE_UNFIT', message, { hint });
