import { type ErrorCode, SnaphookError } from '../ports/errors.ts';
import type {
  DatastoreOnDevices,
  EsxiHost,
  HostDevice,
  UnresolvedCopy,
  VmHome,
  VmOnDatastore,
} from '../ports/host-storage.ts';
import { moRef } from '../ports/identity.ts';
import { arrayItems, boolean, child, children, ref, text, typeOf, type VimRef } from './decode.ts';
import { errorOfUnreadableAnswer } from './faults.ts';
import { displayName } from './managed-entity.ts';
import { type ObjectProperties, requireReadable, retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';
import { readObject } from './tasks.ts';

/** What vCenter calls the managers of one host. */
export interface HostManagers {
  readonly storage: VimRef;
  readonly datastores: VimRef;
}

export async function readManagers(session: Session, host: VimRef): Promise<HostManagers> {
  const found = await existing(session, host, ['configManager.storageSystem', 'configManager.datastoreSystem']);
  const storage = ref(found.properties.get('configManager.storageSystem'));
  const datastores = ref(found.properties.get('configManager.datastoreSystem'));
  if (!storage || !datastores) throw errorOfUnreadableAnswer(session.server, 'RetrievePropertiesEx');
  return { storage, datastores };
}

const HOST_PROPERTIES = ['name', 'parent', 'runtime.connectionState', 'runtime.inMaintenanceMode'];

/** `code`: of what is wrong with the name. */
export async function readHost(session: Session, name: string, code: ErrorCode = 'E_CLONE'): Promise<EsxiHost> {
  const hosts: ObjectProperties[] = [];
  const names: string[] = [];
  for await (const host of allOf(session, 'HostSystem', HOST_PROPERTIES)) {
    const shown = displayName(text(host.properties.get('name')) ?? '');
    names.push(shown);
    if (shown.toLowerCase() === name.toLowerCase()) hosts.push(host);
  }
  const [host, ...others] = hosts;
  if (!host || others.length > 0) {
    throw new SnaphookError(code, `vCenter knows ${hosts.length} ESXi hosts of the name "${name}"`, {
      hint: `Name it as vCenter shows it: ${names.slice(0, 10).join(', ')}${names.length > 10 ? ', ...' : '.'}`,
    });
  }
  requireReadable(session, host, HOST_PROPERTIES);
  const cluster = ref(host.properties.get('parent'));
  const pool = cluster && ref((await existing(session, cluster, ['resourcePool'])).properties.get('resourcePool'));
  if (!pool) throw errorOfUnreadableAnswer(session.server, 'RetrievePropertiesEx');
  const state = text(host.properties.get('runtime.connectionState'));
  const inMaintenance = boolean(host.properties.get('runtime.inMaintenanceMode')) ?? false;
  return {
    moRef: moRef(host.object.id),
    name: displayName(text(host.properties.get('name')) ?? ''),
    unusable: state !== 'connected' ? `it is "${state}"` : inMaintenance ? 'it is in maintenance mode' : undefined,
    datacenter: moRef((await datacenterOf(session, host.object)).id),
    rootPool: moRef(pool.id),
  };
}

export async function readHome(session: Session, vm: VimRef): Promise<VmHome> {
  const found = await existing(session, vm, ['config.files.vmPathName', 'parent']);
  const vmPathName = text(found.properties.get('config.files.vmPathName'));
  if (vmPathName === undefined) throw errorOfUnreadableAnswer(session.server, 'RetrievePropertiesEx');
  const folder = ref(found.properties.get('parent'));
  // The datacenter of a VM in a vApp is that of its host.
  const start = folder ?? ref((await existing(session, vm, ['runtime.host'])).properties.get('runtime.host')) ?? vm;
  return {
    vmPathName,
    folder: folder && moRef(folder.id),
    datacenter: moRef((await datacenterOf(session, start)).id),
  };
}

export async function datacenterOf(session: Session, object: VimRef): Promise<VimRef> {
  for (let at = object; ; ) {
    if (at.type === 'Datacenter') return at;
    const parent = ref((await existing(session, at, ['parent'])).properties.get('parent'));
    if (!parent) throw new SnaphookError('E_CLONE', `${object.type} "${object.id}" is in no datacenter of vCenter`);
    at = parent;
  }
}

export async function readScsiLuns(session: Session, storage: VimRef): Promise<readonly unknown[]> {
  const path = 'storageDeviceInfo';
  return children((await existing(session, storage, [path])).properties.get(path), 'scsiLun');
}

export const canonicalNameOfLun = (lun: unknown): string | undefined =>
  text(child(lun, 'canonicalName'))?.toLowerCase();

/** A detached device shows `off`; one in any state but `ok` cannot be read. */
export function hostDevice(lun: unknown): HostDevice {
  const states = children(lun, 'operationalState').map((state) => text(state));
  const state = states.includes('off') ? 'detached' : states.includes('ok') ? 'ok' : 'dead';
  return { canonicalName: canonicalNameOfLun(lun) ?? '', state };
}

export function unresolvedCopy(volume: unknown): UnresolvedCopy {
  const status = child(volume, 'resolveStatus');
  const is = (name: string) => boolean(child(status, name)) ?? false;
  return {
    label: text(child(volume, 'vmfsLabel')) ?? '',
    vmfsUuid: text(child(volume, 'vmfsUuid')) ?? '',
    extents: children(volume, 'extent').map((extent) => ({
      canonicalName: (text(child(extent, 'device', 'diskName')) ?? '').toLowerCase(),
      devicePath: text(child(extent, 'devicePath')) ?? '',
    })),
    unresolvable: is('multipleCopies')
      ? 'multiple-copies'
      : is('incompleteExtents')
        ? 'incomplete-extents'
        : is('resolvable')
          ? undefined
          : 'other',
  };
}

export async function readDatastoresOn(
  session: Session,
  canonicalNames: readonly string[],
): Promise<readonly DatastoreOnDevices[]> {
  const wanted = new Set(canonicalNames.map((name) => name.toLowerCase()));
  const found: ObjectProperties[] = [];
  for await (const datastore of allOf(session, 'Datastore', ['name', 'info', 'host'])) {
    requireReadable(session, datastore, ['info']);
    if (extentsOf(datastore).some((extent) => wanted.has(extent))) found.push(datastore);
  }
  return Promise.all(
    found.map(async (datastore) => ({
      moRef: moRef(datastore.object.id),
      name: displayName(text(datastore.properties.get('name')) ?? ''),
      vmfsUuid: text(child(datastore.properties.get('info'), 'vmfs', 'uuid')) ?? '',
      extents: extentsOf(datastore),
      hosts: arrayItems(datastore.properties.get('host')).flatMap((mount) => {
        const host = ref(child(mount, 'key'));
        return host ? [{ host: moRef(host.id), mounted: boolean(child(mount, 'mountInfo', 'mounted')) ?? true }] : [];
      }),
      vms: await readVmsOn(session, datastore.object),
    })),
  );
}

const extentsOf = ({ properties }: ObjectProperties): readonly string[] =>
  children(child(properties.get('info'), 'vmfs'), 'extent').flatMap(
    (extent) => text(child(extent, 'diskName'))?.toLowerCase() ?? [],
  );

/** What the account may not read of a VM counts as running. */
async function readVmsOn(session: Session, datastore: VimRef): Promise<readonly VmOnDatastore[]> {
  const vms = arrayItems((await existing(session, datastore, ['vm'])).properties.get('vm')).flatMap(
    (vm) => ref(vm) ?? [],
  );
  const found: VmOnDatastore[] = [];
  for await (const { object, properties } of retrieveObjects(session, {
    propSet: [{ type: 'VirtualMachine', pathSet: ['name', 'runtime.powerState', 'config.files.vmPathName'] }],
    objectSet: vms.map((obj) => ({ obj, skip: false })),
    reportMissingObjectsInResults: true,
  })) {
    found.push({
      moRef: moRef(object.id),
      name: displayName(text(properties.get('name')) ?? object.id),
      vmPathName: text(properties.get('config.files.vmPathName')),
      poweredOff: text(properties.get('runtime.powerState')) === 'poweredOff',
    });
  }
  return found;
}

export async function readDiskFiles(session: Session, vm: VimRef): Promise<readonly string[]> {
  const found = await existing(session, vm, ['config.hardware.device']);
  const disks = arrayItems(found.properties.get('config.hardware.device')).filter(
    (device) => typeOf(device) === 'VirtualDisk',
  );
  return disks.flatMap((disk) => {
    const files: string[] = [];
    for (let at = child(disk, 'backing'); at !== undefined; at = child(at, 'parent')) {
      files.push(text(child(at, 'fileName')) ?? '');
    }
    return files;
  });
}

export async function* allOf(
  session: Session,
  type: string,
  pathSet: readonly string[],
): AsyncGenerator<ObjectProperties> {
  const view = await session.view([type]);
  yield* retrieveObjects(session, {
    propSet: [{ type, pathSet }],
    objectSet: [{ obj: view, skip: true, selectSet: [{ type: 'ContainerView', path: 'view' }] }],
    reportMissingObjectsInResults: false,
  });
}

export async function existing(session: Session, object: VimRef, paths: readonly string[]): Promise<ObjectProperties> {
  const found = await readObject(session, object, paths);
  if (found === undefined) {
    throw new SnaphookError('E_VCENTER', `vCenter "${session.server}" knows ${object.type} "${object.id}" no more`, {
      hint: 'It was removed meanwhile. Look for it in vCenter, then run again.',
    });
  }
  requireReadable(session, found, paths);
  return found;
}
