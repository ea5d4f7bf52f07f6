import type { DatastoreNeighbour } from '../ports/hypervisor.ts';
import type { MoRef } from '../ports/identity.ts';
import { arrayItems, child, integer, ref, text } from './decode.ts';
import { errorOfUnreadableAnswer } from './faults.ts';
import { displayName, readInstanceUuid } from './managed-entity.ts';
import { type ObjectProperties, requireReadable, retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';

const VM_PROPERTIES = ['name', 'config.instanceUuid', 'runtime.powerState', 'layoutEx.file'];

/**
 * Every VM with a file on one of the datastores, one entry a datastore, read in one call. A VM that the account may not
 * see is listed by its id: what shares a datastore must never be missed.
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
  return [...new Set(datastores)].flatMap((datastoreRef) => {
    const ids = vmIdsOn.get(datastoreRef);
    if (ids === undefined) throw errorOfUnreadableAnswer(session.server, 'RetrievePropertiesEx');
    return ids.map((id) => {
      const properties = vms.get(id)?.properties;
      return {
        datastoreRef,
        instanceUuid: readInstanceUuid(properties?.get('config.instanceUuid')),
        name: displayName(text(properties?.get('name')) ?? id),
        poweredOn: poweredOn(properties?.get('runtime.powerState')),
        bytes: bytesOn(names.get(datastoreRef) ?? '', properties?.get('layoutEx.file')),
      };
    });
  });
}

function poweredOn(powerState: unknown): boolean | undefined {
  const state = text(powerState);
  // A suspended VM writes nothing, and its guest cannot be asked.
  return state === undefined ? undefined : state === 'poweredOn';
}

/** File types of `layoutEx` that hold nothing of the guest's disks after a restart. */
const SWAP: readonly (string | undefined)[] = ['swap', 'uwswap'];

/** The mapping file of a raw device is shown with the size of the device, and occupies next to nothing. */
const RAW_MAPPING = /-rdmp?\.vmdk$/i;

/** Files are named `[datastore] folder/file`. Images in a VM's drives are none of its files. */
function bytesOn(datastore: string, files: unknown): number | undefined {
  if (files === undefined) return undefined;
  const places = [`[${datastore}] `, `[${displayName(datastore)}] `];
  let bytes = 0;
  for (const file of arrayItems(files)) {
    const name = text(child(file, 'name')) ?? '';
    const counts = !SWAP.includes(text(child(file, 'type'))) && !RAW_MAPPING.test(name);
    if (counts && places.some((place) => name.startsWith(place))) bytes += integer(child(file, 'size')) ?? 0;
  }
  return bytes;
}
