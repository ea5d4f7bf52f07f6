import type { DatastoreNeighbour } from '../ports/hypervisor.ts';
import type { MoRef } from '../ports/identity.ts';
import { arrayItems, child, integer, ref, text, typeOf } from './decode.ts';
import { chainDatastores } from './disks.ts';
import { errorOfUnreadableAnswer } from './faults.ts';
import { displayName, readInstanceUuid } from './managed-entity.ts';
import { type ObjectProperties, requireReadable, retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';

const VM_PROPERTIES = ['name', 'config.instanceUuid', 'runtime.powerState', 'layoutEx.file'];

/**
 * Every VM with a file on one of the datastores, one entry a datastore, read in one call. A VM that the account may not
 * see is listed by its id: what shares a datastore must never be missed. Where the files that vCenter shows of a VM are all
 * elsewhere, one call more looks why it is listed.
 */
export async function readNeighbours(
  session: Session,
  datastores: readonly MoRef[],
): Promise<readonly DatastoreNeighbour[]> {
  const vmIdsOn = new Map<string, readonly string[]>();
  const names = new Map<string, string>();
  const vms = new Map<string, ObjectProperties>();
  for await (const found of retrieveObjects(session, {
    propSet: [
      { type: 'Datastore', pathSet: ['name', 'vm'] },
      { type: 'VirtualMachine', pathSet: VM_PROPERTIES },
    ],
    objectSet: [...new Set(datastores)].map((id) => ({
      obj: { type: 'Datastore', id },
      skip: false,
      selectSet: [{ type: 'Datastore', path: 'vm' }],
    })),
    reportMissingObjectsInResults: false,
  })) {
    if (found.object.type === 'VirtualMachine') vms.set(found.object.id, found);
    if (found.object.type !== 'Datastore') continue;
    requireReadable(session, found, ['name', 'vm']);
    names.set(found.object.id, text(found.properties.get('name')) ?? '');
    const ids = arrayItems(found.properties.get('vm')).map((vm) => ref(vm)?.id);
    vmIdsOn.set(
      found.object.id,
      ids.filter((id) => id !== undefined),
    );
  }
  const listed = [...new Set(datastores)].flatMap((datastoreRef) => {
    const ids = vmIdsOn.get(datastoreRef);
    if (ids === undefined) throw errorOfUnreadableAnswer(session.server, 'RetrievePropertiesEx');
    const datastore = { id: datastoreRef, name: names.get(datastoreRef) ?? '' };
    return ids.map((id) => {
      const files = vms.get(id)?.properties.get('layoutEx.file');
      return { id, datastore, files, bytes: bytesOn(datastore, files) };
    });
  });
  const closer = await readHardware(
    session,
    listed.filter(({ bytes }) => bytes === 0).map(({ id }) => id),
  );
  return listed.map(({ id, datastore, files, bytes }) => {
    const properties = vms.get(id)?.properties;
    return {
      datastoreRef: datastore.id,
      instanceUuid: readInstanceUuid(properties?.get('config.instanceUuid')),
      name: displayName(text(properties?.get('name')) ?? id),
      poweredOn: poweredOn(properties?.get('runtime.powerState')),
      bytes: bytes === 0 && !isOnlyVisiting(datastore, files, closer.get(id)) ? undefined : bytes,
    };
  });
}

interface NamedDatastore {
  readonly id: MoRef;
  readonly name: string;
}

async function readHardware(
  session: Session,
  vmIds: readonly string[],
): Promise<ReadonlyMap<string, ObjectProperties['properties']>> {
  const found = new Map<string, ObjectProperties['properties']>();
  for await (const { object, properties } of retrieveObjects(session, {
    propSet: [{ type: 'VirtualMachine', pathSet: ['config.files.vmPathName', 'config.hardware.device'] }],
    objectSet: [...new Set(vmIds)].map((id) => ({ obj: { type: 'VirtualMachine', id }, skip: false, selectSet: [] })),
    reportMissingObjectsInResults: false,
  })) {
    found.set(object.id, properties);
  }
  return found;
}

/**
 * Is an image in a drive, or swap, the whole reason why the datastore lists the VM? `layoutEx` alone does not tell: vCenter
 * keeps it, so its paths may be those from before a rename or a move. Devices refer to their datastore by its id.
 */
function isOnlyVisiting(
  datastore: NamedDatastore,
  files: unknown,
  hardware: ObjectProperties['properties'] | undefined,
): boolean {
  const isHere = (path: unknown) => placesOf(datastore).some((place) => text(path)?.startsWith(place));
  const home = hardware?.get('config.files.vmPathName');
  const devices = hardware?.get('config.hardware.device');
  if (home === undefined || devices === undefined || isHere(home)) return false;
  const all = arrayItems(devices);
  if (all.some((device) => typeOf(device) === 'VirtualDisk' && isBackedBy(datastore, device))) return false;
  const swaps = arrayItems(files).some((file) => isSwap(file) && isHere(child(file, 'name')));
  return swaps || all.some((device) => DRIVES.includes(typeOf(device)) && isBackedBy(datastore, device));
}

/** By any element of the device's chain. */
const isBackedBy = ({ id }: NamedDatastore, device: unknown): boolean =>
  chainDatastores(child(device, 'backing')).includes(id);

const DRIVES: readonly (string | undefined)[] = ['VirtualCdrom', 'VirtualFloppy'];

function poweredOn(powerState: unknown): boolean | undefined {
  const state = text(powerState);
  // A suspended VM writes nothing, and its guest cannot be asked.
  return state === undefined ? undefined : state === 'poweredOn';
}

/** File types of `layoutEx` that hold nothing of the guest's disks after a restart. */
const SWAP: readonly (string | undefined)[] = ['swap', 'uwswap'];

const isSwap = (file: unknown): boolean => SWAP.includes(text(child(file, 'type')));

/** The mapping file of a raw device is shown with the size of the device, and occupies next to nothing. */
const RAW_MAPPING = /-rdmp?\.vmdk$/i;

/** Files are named `[datastore] folder/file`. */
const placesOf = ({ name }: NamedDatastore): readonly string[] => [`[${name}] `, `[${displayName(name)}] `];

/** Images in a VM's drives are none of its files. */
function bytesOn(datastore: NamedDatastore, files: unknown): number | undefined {
  if (files === undefined) return undefined;
  const places = placesOf(datastore);
  let bytes = 0;
  for (const file of arrayItems(files)) {
    const name = text(child(file, 'name')) ?? '';
    const counts = !isSwap(file) && !RAW_MAPPING.test(name);
    if (counts && places.some((place) => name.startsWith(place))) bytes += integer(child(file, 'size')) ?? 0;
  }
  return bytes;
}
