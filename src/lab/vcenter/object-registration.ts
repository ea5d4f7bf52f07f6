import type { ManagedObject, PropertyReaders } from './model/managed-object.ts';
import { allSnapshots } from './model/model.ts';
import type { EntityRecord, SnapshotRecord } from './model/records.ts';
import { sessionManagerReaders } from './operations/session-operations.ts';
import {
  clusterReaders,
  datacenterReaders,
  folderReaders,
  resourcePoolReaders,
} from './properties/container-properties.ts';
import { datastoreBrowser, datastoreBrowserReaders, datastoreReaders } from './properties/datastore-properties.ts';
import { customFieldDefinitions } from './properties/entity-properties.ts';
import {
  hostDatastoreSystemReaders,
  hostReaders,
  hostStorageSystemReaders,
  hostSubsystem,
} from './properties/host-properties.ts';
import {
  DEFAULT_COLLECTOR_ID,
  GUEST_MANAGERS,
  GUEST_OPERATIONS,
  guestOperationsReaders,
  managerReferences,
  SERVICE_INSTANCE,
  serviceInstanceReaders,
} from './properties/service-properties.ts';
import { snapshotReaders, virtualMachineReaders } from './properties/virtual-machine-properties.ts';
import { Collector } from './property-collector/collector.ts';
import type { ServerContext } from './server-context.ts';
import type { HttpSession } from './sessions.ts';
import { isView } from './views.ts';
import { type Reference, reference } from './wire/vim-values.ts';

/** Registers everything all sessions see. */
export function registerSharedObjects(server: ServerContext): void {
  const { model } = server;
  for (const manager of managerReferences()) register(server, manager, () => ({}));
  register(server, GUEST_OPERATIONS, () => guestOperationsReaders());
  for (const manager of GUEST_MANAGERS) register(server, manager, () => ({}));
  register(server, SERVICE_INSTANCE, () => serviceInstanceReaders(model, server.about));
  register(server, reference('SearchIndex', 'SearchIndex'), () => ({}));
  register(server, reference('TaskManager', 'TaskManager'), () => ({
    recentTask: () => server.tasks.recent,
    maxCollector: () => 32,
  }));
  register(server, reference('CustomFieldsManager', 'CustomFieldsManager'), () => ({
    field: () => customFieldDefinitions(model),
  }));
  registerEntities(server);
}

/** Registers entities that are not yet; those that come after the start as well. */
export function registerEntities(server: ServerContext): void {
  for (const entity of server.model.entities.values()) {
    if (!server.model.objects.has(entity.id)) registerEntity(server, entity);
  }
}

/** Objects of which every session has its own. */
export function registerSessionObjects(server: ServerContext, session: HttpSession): void {
  const collector = new Collector(DEFAULT_COLLECTOR_ID, server.model.changes);
  session.objects.set(collector.id, collector);
  session.onEnd.add(() => collector.cancelWaits());
  const add = (type: string, id: string, readers: () => PropertyReaders) =>
    session.objects.set(id, { type, id, readers });
  add('SessionManager', 'SessionManager', () => sessionManagerReaders(server, session));
  add('ViewManager', 'ViewManager', () => ({
    viewList: () => [...session.objects.values()].filter(isView).map((view) => reference(view.type, view.id)),
  }));
}

function registerEntity(server: ServerContext, entity: EntityRecord): void {
  const { model } = server;
  register(server, entity, () => entityReadersOf(server, entity));
  if (entity.type === 'HostSystem') {
    register(server, hostSubsystem('HostStorageSystem', entity), () => hostStorageSystemReaders(entity));
    register(server, hostSubsystem('HostDatastoreSystem', entity), () => hostDatastoreSystemReaders(entity, model));
  }
  if (entity.type === 'Datastore') {
    register(server, datastoreBrowser(entity), () => datastoreBrowserReaders(entity));
  }
  if (entity.type === 'VirtualMachine') {
    for (const snapshot of allSnapshots(entity)) registerSnapshot(server, snapshot);
  }
}

export function registerSnapshot(server: ServerContext, snapshot: SnapshotRecord): void {
  const { model } = server;
  register(server, reference('VirtualMachineSnapshot', snapshot.id), () => snapshotReaders(snapshot, model));
}

function entityReadersOf(server: ServerContext, entity: EntityRecord): PropertyReaders {
  const { model } = server;
  switch (entity.type) {
    case 'Folder':
      return folderReaders(entity, model);
    case 'Datacenter':
      return datacenterReaders(entity, model);
    case 'ClusterComputeResource':
      return clusterReaders(entity, model);
    case 'ResourcePool':
      return resourcePoolReaders(entity, model);
    case 'HostSystem':
      return hostReaders(entity, model, server.hostProduct, server.guestFileHost?.thumbprint);
    case 'Datastore':
      return datastoreReaders(entity, model);
    case 'VirtualMachine':
      return virtualMachineReaders(entity, model);
  }
}

function register(server: ServerContext, ref: Reference | EntityRecord, readers: () => PropertyReaders): void {
  const object: ManagedObject = { type: ref.type, id: ref.id, readers };
  server.model.objects.set(object.id, object);
}
