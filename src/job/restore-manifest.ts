import { SnaphookError } from '../ports/errors.ts';
import { type InstanceUuid, instanceUuid } from '../ports/identity.ts';
import {
  type ContentHash,
  IMAGE_FORMATS,
  LEAST_LEAF_BYTES,
  MOST_LEAF_BYTES,
  type WrittenFile,
} from '../ports/images.ts';
import type { VmHardware } from '../ports/vm-hardware.ts';
import { fieldsOf, parseJson, staysInside } from './manifest.ts';
import type { RestorableDisk } from './restoration.ts';

/** A VM as the manifest of a backup tells of it. */
export interface RestorableVm {
  readonly name: string;
  readonly instanceUuid: InstanceUuid;
  readonly grade: string;
  /** Ids of shadow copies (VSS) that its freeze left in it. */
  readonly shadowCopies: readonly string[];
  /** Why the grade is not better. */
  readonly reasons: readonly string[];
  readonly hardware: VmHardware;
  readonly disks: readonly RestorableDisk[];
  /** Settings of its firmware, where the backup has them and the firmware of another VM can read them. */
  readonly nvram: WrittenFile | undefined;
  /** The backup has these settings as vSphere encrypted them: a VM without the key that is given them does not start. */
  readonly nvramIsEncrypted: boolean;
  /** What was unusual about it when it was captured, for people. */
  readonly notes: readonly string[];
}

export interface RestorableBackup {
  readonly runId: string;
  readonly snapshot: string;
  readonly createdAt: string;
  /** When the snapshot was made; in manifests that do not tell, when they were written. */
  readonly takenAt: string;
  /** What the job asked for; undefined in manifests that do not tell. */
  readonly gradeAsked: string | undefined;
  readonly vm: RestorableVm;
}

type Fields = ReturnType<typeof fieldsOf>;

const CHANGED_BY_HAND = 'The manifest was changed by hand.';

/**
 * What a manifest says of one VM. `vmName` chooses among several. Errors: `E_RESTORE` for what no VM can be made of: another format, a
 * VM without hardware or disks, images that hold whole datastores or disks as vSphere has encrypted them.
 */
export function readBackup(text: string, vmName: string | undefined): RestorableBackup {
  const root = fieldsOf(parseJson(text));
  if (root.schema !== 'snaphook/manifest' || root.version !== 1) {
    throw refused(
      'it is not a complete manifest of this format',
      'Restore the whole hand-over directory with the backup product, and name its `snaphook-manifest.json`.',
    );
  }
  if (root.fileSystems !== undefined) {
    throw refused(
      'it is of mounted file systems, and has no images',
      'Its files are restored by the backup product itself: they lie below `path` of the entries of `fileSystems` in the manifest.',
    );
  }
  if (root.exposed !== undefined) {
    throw refused(
      'its disks were handed over without a copy, and it has no images',
      'What the backup product read it has: restore the disks, raw, with the product itself.',
    );
  }
  const images = imagesOf(root);
  const vm = chosenVm(listOf(root.vms), vmName);
  const name = textOf(vm, 'name');
  const notes = listOf(vm.notes);
  const encrypted = notes.filter(({ code }) => code === 'encrypted');
  // The array has what vSphere wrote; where vSphere itself reads the disks, it decrypts them. A VM with a key may have plain disks: one with a virtual TPM has.
  if (fieldsOf(root.route).name === 'snapvx' && encrypted.some(({ disk }) => disk !== undefined)) {
    throw refused(
      `disks of VM "${name}" are encrypted by vSphere, and so are their images`,
      'Only vSphere with the key of the VM can read them. Restore it from a snapshot on the array, or capture it by the route "managed".',
    );
  }
  const hardware = hardwareOf(vm);
  const nvram = nvramOf(root, uuidOf(vm));
  // A virtual TPM makes vSphere encrypt the home of its VM.
  const isEncrypted = hardware.tpm || encrypted.some(({ disk }) => disk === undefined);
  return {
    runId: textOf(fieldsOf(root.run), 'id'),
    snapshot: textOf(fieldsOf(root.snapshot), 'name'),
    createdAt: momentOf(root, 'createdAt'),
    takenAt: takenAtOf(root),
    gradeAsked: optionalTextOf(root, 'gradeAsked'),
    vm: {
      name,
      instanceUuid: uuidOf(vm),
      grade: textOf(vm, 'grade'),
      shadowCopies: shadowCopiesOf(vm),
      reasons: Array.isArray(vm.reasons) ? vm.reasons.map(String) : [],
      hardware,
      disks: listOf(vm.disks).map((disk) => diskOf(disk, name, images)),
      nvram: isEncrypted ? undefined : nvram,
      nvramIsEncrypted: isEncrypted && nvram !== undefined,
      notes: notes.filter(({ severity }) => severity === 'warning').map((note) => textOf(note, 'text')),
    },
  };
}

function shadowCopiesOf({ evidence }: Fields): readonly string[] {
  const { freeze } = fieldsOf(fieldsOf(evidence).guest);
  return listOf(fieldsOf(freeze).shadowCopies).map((copy) => textOf(copy, 'id'));
}

/**
 * The images by their paths. No two entries are of one image or one disk, and no disk is of an image that is not there: who wrote such a
 * thing, or what of it is true, nobody can say.
 */
function imagesOf(root: Fields): ReadonlyMap<string, Fields> {
  const listed = listOf(root.images);
  const paths = listed.map((image) => textOf(image, 'path'));
  requireOnce(paths, 'image');
  const vms = listOf(root.vms);
  requireOnce(vms.map(uuidOf), 'VM');
  for (const vm of vms) {
    const disks = listOf(vm.disks);
    const name = textOf(vm, 'name');
    requireOnce(
      disks.map((disk) => numberOf(disk, 'key')),
      `disk of VM "${name}" with the key`,
    );
    requireOnce(
      disks.map((disk) => textOf(disk, 'label')),
      `disk of VM "${name}" with the label`,
    );
    const named = disks.flatMap(({ images }) => (Array.isArray(images) ? images.map(String) : []));
    const unknown = named.find((image) => !paths.includes(image));
    if (unknown !== undefined) {
      throw refused(`a disk of VM "${name}" is in the image "${unknown}", which it does not have`, CHANGED_BY_HAND);
    }
  }
  return new Map(listed.map((image, index) => [paths[index] ?? '', image]));
}

function requireOnce(names: readonly (string | number)[], what: string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refused(`it names the ${what} "${twice}" twice`, CHANGED_BY_HAND);
}

function chosenVm(vms: readonly Fields[], wanted: string | undefined): Fields {
  const names = vms.map((vm) => textOf(vm, 'name'));
  const found = vms.filter((vm) => wanted === undefined || vm.name === wanted || vm.instanceUuid === wanted);
  const [vm, ...others] = found;
  if (vm && others.length === 0) return vm;
  throw refused(
    wanted === undefined ? `it has ${vms.length} VMs` : `it has ${found.length} VMs "${wanted}"`,
    `Choose one with \`--vm\`, by name or instance UUID: ${names.join(', ')}.`,
  );
}

function diskOf(disk: Fields, vm: string, images: ReadonlyMap<string, Fields>): RestorableDisk {
  const label = textOf(disk, 'label');
  const what = `disk "${label}" of VM "${vm}"`;
  const [path, ...others] = Array.isArray(disk.images) ? disk.images.map(String) : [];
  const image = path === undefined ? undefined : images.get(path);
  if (image?.holds === 'datastore') {
    throw refused(
      `the image "${path}" of ${what} holds a datastore, not a disk`,
      'Such an image is a whole device with VMFS on it. Restore it to a spare device, present that to an ESXi host and mount the datastore there, as docs/restore.md says.',
    );
  }
  if (path === undefined || !image || others.length > 0 || !staysInside(path)) {
    throw refused(`it names ${others.length + (image ? 1 : 0)} images for ${what}`, CHANGED_BY_HAND);
  }
  const format = IMAGE_FORMATS.find((one) => one === image.format);
  if (format === undefined) {
    throw refused(`the image "${path}" of ${what} is of a format unknown here`, 'It is of a later version: use that.');
  }
  const sizeBytes = numberOf(image, 'sizeBytes');
  if (sizeBytes === 0 || sizeBytes % 512 !== 0) {
    throw refused(`the image "${path}" of ${what} has ${sizeBytes} bytes`, CHANGED_BY_HAND);
  }
  return {
    key: numberOf(disk, 'key'),
    label,
    image: { path, format, sizeBytes, dataBytes: numberOf(image, 'dataBytes'), contentHash: contentHashOf(image) },
  };
}

/** Far above what any firmware keeps: whoever restores it has it in memory as a whole. */
const MAX_NVRAM_BYTES = 4 * 1024 * 1024;

function nvramOf(root: Fields, vm: InstanceUuid): WrittenFile | undefined {
  const file = listOf(root.files).find((one) => one.kind === 'nvram' && one.vm === vm);
  if (!file) return undefined;
  const [path, sizeBytes, blake2b] = [textOf(file, 'path'), numberOf(file, 'sizeBytes'), textOf(file, 'blake2b')];
  if (!staysInside(path) || sizeBytes > MAX_NVRAM_BYTES) throw damaged('files');
  return { path, sizeBytes, blake2b };
}

function contentHashOf(image: Fields): ContentHash {
  const fields = fieldsOf(image.contentHash);
  const [leafBytes, value] = [numberOf(fields, 'leafBytes'), textOf(fields, 'value')];
  const isOfLeaves = leafBytes >= LEAST_LEAF_BYTES && leafBytes <= MOST_LEAF_BYTES;
  if (fields.algorithm !== 'blake2b-512-tree' || !isOfLeaves || !/^[0-9a-f]{128}$/.test(value))
    throw damaged('contentHash');
  return { algorithm: fields.algorithm, leafBytes, value };
}

function hardwareOf(vm: Fields): VmHardware {
  if (vm.hardware === undefined) {
    throw refused(
      `it does not tell what VM "${textOf(vm, 'name')}" is made of`,
      'It is of an earlier version. Make a VM in vCenter and give it the disks; docs/restore.md says how.',
    );
  }
  const hardware = fieldsOf(vm.hardware);
  return {
    version: optionalTextOf(hardware, 'version'),
    guestId: optionalTextOf(hardware, 'guestId'),
    firmware: hardware.firmware === 'efi' ? 'efi' : 'bios',
    secureBoot: hardware.secureBoot === true,
    tpm: hardware.tpm === true,
    cpus: numberOf(hardware, 'cpus'),
    coresPerSocket: numberOf(hardware, 'coresPerSocket'),
    memoryMiB: numberOf(hardware, 'memoryMiB'),
    biosUuid: optionalTextOf(hardware, 'biosUuid'),
    showsSerials: hardware.showsSerials === true,
    controllers: listOf(hardware.controllers).map((one) => ({
      key: numberOf(one, 'key'),
      type: textOf(one, 'type'),
      busNumber: numberOf(one, 'busNumber'),
    })),
    slots: listOf(hardware.slots).map((one) => ({
      disk: numberOf(one, 'disk'),
      controller: numberOf(one, 'controller'),
      unit: numberOf(one, 'unit'),
    })),
    adapters: listOf(hardware.adapters).map((one) => ({
      label: textOf(one, 'label'),
      type: textOf(one, 'type'),
      macAddress: optionalTextOf(one, 'macAddress'),
      addressType: optionalTextOf(one, 'addressType'),
      network: networkOf(fieldsOf(one.network)),
    })),
  };
}

function networkOf(network: Fields): VmHardware['adapters'][number]['network'] {
  switch (network.kind) {
    case 'standard':
      return { kind: 'standard', name: textOf(network, 'name') };
    case 'distributed':
      return {
        kind: 'distributed',
        switchUuid: textOf(network, 'switchUuid'),
        portgroupKey: textOf(network, 'portgroupKey'),
      };
    default:
      return { kind: 'other' };
  }
}

function uuidOf(vm: Fields): InstanceUuid {
  const text = textOf(vm, 'instanceUuid');
  try {
    return instanceUuid(text);
  } catch {
    throw damaged('instanceUuid');
  }
}

function takenAtOf(root: Fields): string {
  const snapshot = fieldsOf(root.snapshot);
  return snapshot.takenAt === undefined ? momentOf(root, 'createdAt') : momentOf(snapshot, 'takenAt');
}

/** As manifests have it, ISO 8601 in UTC: `Date.parse` alone takes a date with any text in parentheses. */
function momentOf(fields: Fields, name: string): string {
  const text = textOf(fields, name);
  const isIso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text);
  if (!isIso || Number.isNaN(Date.parse(text))) throw damaged(name);
  return text;
}

const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') throw damaged(name);
  return value;
}

const optionalTextOf = (fields: Fields, name: string): string | undefined =>
  fields[name] === undefined ? undefined : textOf(fields, name);

function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw damaged(name);
  return value;
}

const damaged = (name: string) => refused(`"${name}" is missing or not of its kind`, CHANGED_BY_HAND);

const refused = (why: string, hint: string) =>
  new SnaphookError('E_RESTORE', `nothing can be restored from the manifest: ${why}`, { hint });
