import type { DatastoreNeighbour } from '../ports/hypervisor.ts';
import type { MoRef } from '../ports/identity.ts';
import { arrayItems, ref, text } from './decode.ts';
import { errorOfUnreadableAnswer } from './faults.ts';
import { displayName, readInstanceUuid } from './managed-entity.ts';
import { type ObjectProperties, requireReadable, retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';

/**
 * Every VM with a file on one of the datastores, one entry a datastore, read in one call. A VM that the account may not
 * see is listed by its id: what shares a datastore must never be missed.
 */
export async function readNeighbours(
  session: Session,
  datastores: readonly MoRef[],
): Promise<readonly DatastoreNeighbour[]> {
  const vmIdsOn = new Map<string, readonly string[]>();
  const vms = new Map<string, ObjectProperties>();
  for await (const found of retrieveObjects(session, {
    propSet: [
      { type: 'Datastore', pathSet: ['vm'] },
      { type: 'VirtualMachine', pathSet: ['name', 'config.instanceUuid'] },
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
    requireReadable(session, found, ['vm']);
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
      };
    });
  });
}
