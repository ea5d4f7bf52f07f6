import type { HostDatastore } from '../ports/host-storage.ts';
import { moRef } from '../ports/identity.ts';
import type { HostOfVm } from '../ports/vm-snapshots.ts';
import { arrayItems, boolean, child, ref, text, type VimRef } from './decode.ts';
import type { ObjectSelection } from './encode.ts';
import { displayName } from './managed-entity.ts';
import { type ObjectProperties, requireReadable, retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';

const HOST_PROPERTIES = ['name', 'datastore'];
const DATASTORE_PROPERTIES = ['name', 'host'];
const TO_DATASTORES = { type: 'HostSystem', path: 'datastore' };

/** The host of a VM and the datastores it mounts, in one call. Undefined: there is no such VM, or it is on no host. */
export const readHostOfVm = (session: Session, vm: VimRef): Promise<HostOfVm | undefined> =>
  readHost(session, {
    obj: vm,
    skip: true,
    selectSet: [{ type: 'VirtualMachine', path: 'runtime.host', selectSet: [TO_DATASTORES] }],
  });

/** None when there is no such host. */
export async function readDatastoresOf(session: Session, host: VimRef): Promise<readonly HostDatastore[]> {
  return (await readHost(session, { obj: host, skip: false, selectSet: [TO_DATASTORES] }))?.datastores ?? [];
}

async function readHost(session: Session, start: ObjectSelection): Promise<HostOfVm | undefined> {
  let host: ObjectProperties | undefined;
  const datastores: ObjectProperties[] = [];
  for await (const found of retrieveObjects(session, {
    propSet: [
      { type: 'HostSystem', pathSet: HOST_PROPERTIES },
      { type: 'Datastore', pathSet: DATASTORE_PROPERTIES },
    ],
    objectSet: [start],
    reportMissingObjectsInResults: true,
  })) {
    if (found.object.type === 'HostSystem') host = found;
    if (found.object.type === 'Datastore') datastores.push(found);
  }
  if (!host) return undefined;
  requireReadable(session, host, HOST_PROPERTIES);
  for (const datastore of datastores) requireReadable(session, datastore, DATASTORE_PROPERTIES);
  const hostId = host.object.id;
  return {
    name: displayName(text(host.properties.get('name')) ?? hostId),
    datastores: datastores.flatMap((datastore) => mountOn(hostId, datastore) ?? []),
  };
}

/** What a server does not tell of a mount counts as fine (vSphere API: HostMountInfo, both unset on old hosts). */
function mountOn(hostId: string, { object, properties }: ObjectProperties): HostDatastore | undefined {
  const mount = arrayItems(properties.get('host')).find((one) => ref(child(one, 'key'))?.id === hostId);
  if (mount === undefined || boolean(child(mount, 'mountInfo', 'mounted')) === false) return undefined;
  return {
    moRef: moRef(object.id),
    name: displayName(text(properties.get('name')) ?? object.id),
    accessible: boolean(child(mount, 'mountInfo', 'accessible')) ?? true,
  };
}
