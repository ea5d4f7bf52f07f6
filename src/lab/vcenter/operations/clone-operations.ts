import { randomUUID } from 'node:crypto';
import type { DiskBackingInventory, DiskInventory, VmInventory } from '../inventory.ts';
import { addVm } from '../model/build-model.ts';
import { isInSnapshots } from '../model/disk-chains.ts';
import { userOf } from '../model/file-locks.ts';
import { childrenOf, datacenterOf, hostsMounting } from '../model/inventory-tree.ts';
import { allSnapshots } from '../model/model.ts';
import type { DatacenterRecord, DatastoreRecord, EntityRecord, HostRecord, VmRecord } from '../model/records.ts';
import { removeVm } from '../model/remove-vm.ts';
import { registerEntities } from '../object-registration.ts';
import { isAccessibleOn } from '../properties/datastore-properties.ts';
import { refOf } from '../properties/entity-properties.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import { hasPrivilege } from '../sessions.ts';
import {
  dataListOf,
  dataOf,
  flagOf,
  optionalDataOf,
  optionalReferenceOf,
  optionalTextOf,
  referenceOf,
  textOf,
} from '../wire/fields.ts';
import { invalidArgument, noPermission, VimFault } from '../wire/vim-fault.ts';
import { anyOf, type DataObject, isAny, type Reference } from '../wire/vim-values.ts';
import { refuseWithout } from './object-view.ts';
import { folderNames } from './registration-operations.ts';
import { entityOf, startTask, vmOf } from './vm-tasks.ts';

const CLONE_MS = 4000;
const DESTROY_MS = 1500;
const MAX_NAME_LENGTH = 80;
const SERVED = {
  spec: ['location', 'template', 'powerOn', 'snapshot', 'config'],
  location: ['datastore', 'pool', 'host'],
  config: ['annotation', 'extraConfig'],
};

/** Full copies of VMs on vVols out of a VM snapshot, onto a vVol datastore; any other way to clone is not served. */
export const cloneOperations: Readonly<Record<string, OperationHandler>> = {
  CloneVM_Task: (call) => {
    const vm = vmOf(call);
    const name = textOf(call.args, 'name');
    const spec = dataOf(call.args, 'spec');
    const location = dataOf(spec.fields, 'location');
    const config = optionalDataOf(spec.fields, 'config');
    refuseUnserved(call, spec, SERVED.spec);
    refuseUnserved(call, location, SERVED.location);
    if (config) refuseUnserved(call, config, SERVED.config);
    if (flagOf(spec.fields, 'template') || flagOf(spec.fields, 'powerOn')) throw notServed(call, 'template or powerOn');
    const folder = folderOf(call, referenceOf(call.args, 'folder'));
    const place = placeOf(call, location, folder.datacenter);
    const disks = disksToCopy(call, vm, optionalReferenceOf(spec.fields, 'snapshot'));
    const changes = changesOf(call, config);
    if (name === '' || name.length > MAX_NAME_LENGTH) {
      throw new VimFault('InvalidName', `The name '${name}' is not valid.`, { name, entity: refOf(vm) });
    }
    return startTask(call, vm, 'VirtualMachine.clone', async () => {
      refuseTaken(call, folder.record, name);
      await call.server.pace.wait(CLONE_MS);
      refuseTaken(call, folder.record, name);
      const copy = addVm(call.server.model, folder.datacenter, {
        ...copiedSpec(call, vm, { name, disks, datastore: place.datastore, changes }),
        folder: folderNames(folder.record),
        host: place.host.name,
        ...place.pool,
      });
      registerEntities(call.server);
      return anyOf({ name: 'VirtualMachine', array: false, reference: true }, refOf(copy));
    });
  },
  Destroy_Task: (call) => {
    const entity = entityOf(call);
    if (entity.type !== 'VirtualMachine') throw notServed(call, `Destroy_Task of ${entity.type}`);
    refuseWithout(call, 'VirtualMachine.Inventory.Delete');
    const { model, pace, volumes } = call.server;
    return startTask(call, entity, 'VirtualMachine.destroy', async () => {
      await pace.wait(DESTROY_MS);
      if (entity.spec.powerState !== 'poweredOff') {
        throw new VimFault('InvalidPowerState', 'The attempted operation cannot be performed in the current state.', {
          requestedState: 'poweredOff',
          existingState: entity.spec.powerState,
        });
      }
      for (const { backing } of entity.spec.disks) {
        if ('fileName' in backing && userOf(model, backing.fileName, entity)) {
          const file = backing.fileName;
          throw new VimFault('FileLocked', `Unable to access file ${file} since it is locked`, { file });
        }
      }
      for (const { backing } of entity.spec.disks) if (backing.kind === 'vvol') volumes.remove(backing.backingObjectId);
      removeVm(model, entity);
    });
  },
};

function refuseUnserved(call: Call, { fields }: DataObject, served: readonly string[]): void {
  const unserved = Object.keys(fields).find((name) => !served.includes(name));
  if (unserved !== undefined) throw notServed(call, unserved);
}

function notServed(call: Call, what: string): VimFault {
  call.server.events.add('vcenter', 'unserved', call.operation, call.receiver.id, { what });
  return new VimFault('NotSupported', 'The operation is not supported on the object.');
}

function folderOf(call: Call, { id }: Reference): { record: EntityRecord; datacenter: DatacenterRecord } {
  const record = call.server.model.entities.get(id);
  const datacenter = record && datacenterOf(record);
  if (record?.type !== 'Folder' || !datacenter || !record.childType.includes('VirtualMachine')) {
    throw invalidArgument('folder');
  }
  if (!hasPrivilege(call.session, 'VirtualMachine.Inventory.CreateFromExisting')) {
    throw noPermission(refOf(record), 'VirtualMachine.Inventory.CreateFromExisting');
  }
  return { record, datacenter };
}

/** All three are asked for: what vCenter takes in place of one that is absent is not simulated. */
function placeOf(call: Call, { fields }: DataObject, datacenter: DatacenterRecord) {
  const { entities } = call.server.model;
  const record = (name: string) => entities.get(optionalReferenceOf(fields, name)?.id ?? '');
  const [host, pool, datastore] = [record('host'), record('pool'), record('datastore')];
  if (host?.type !== 'HostSystem' || datacenterOf(host) !== datacenter) throw invalidArgument('spec.location.host');
  if (pool?.type !== 'ResourcePool' || pool.owner !== host.cluster) throw invalidArgument('spec.location.pool');
  if (datastore?.type !== 'Datastore') throw invalidArgument('spec.location.datastore');
  if (!hasPrivilege(call.session, 'Resource.AssignVMToPool')) {
    throw noPermission(refOf(pool), 'Resource.AssignVMToPool');
  }
  if (!hasPrivilege(call.session, 'Datastore.AllocateSpace')) {
    throw noPermission(refOf(datastore), 'Datastore.AllocateSpace');
  }
  refuseUnusable(host, datastore);
  if (datastore.spec.type !== 'VVOL') throw notServed(call, `a copy on ${datastore.spec.type}`);
  return { host, datastore, pool: pool === pool.owner.rootPool ? {} : { resourcePool: pool.name } };
}

function refuseUnusable(host: HostRecord, datastore: DatastoreRecord): void {
  if ((host.spec.connectionState ?? 'connected') !== 'connected') {
    throw new VimFault('HostNotConnected', 'Unable to communicate with the remote host, since it is disconnected.');
  }
  if (host.spec.maintenanceMode) {
    throw new VimFault('InvalidState', 'The operation is not allowed in the current state.');
  }
  if (hostsMounting(datastore).includes(host) && isAccessibleOn(host, datastore)) return;
  throw new VimFault('InvalidDatastore', `Datastore '${datastore.name}' is not accessible from the host.`, {
    datastore: refOf(datastore),
    name: datastore.name,
  });
}

function disksToCopy(call: Call, vm: VmRecord, ref: Reference | undefined): readonly DiskInventory[] {
  const snapshot = ref && allSnapshots(vm).find(({ id }) => id === ref.id);
  if (ref && !snapshot) throw invalidArgument('spec.snapshot');
  if (!snapshot) throw notServed(call, 'a clone of the running state');
  const { disks } = snapshot.spec;
  const other = disks.find((disk) => disk.backing.kind !== 'vvol' || !isInSnapshots(disk));
  if (other) throw notServed(call, `a clone of ${other.label}`);
  return disks;
}

type Changes = Pick<VmInventory, 'annotation' | 'extraConfig'>;

function changesOf(call: Call, config: DataObject | undefined): Changes {
  if (!config) return {};
  const annotation = optionalTextOf(config.fields, 'annotation');
  const options = dataListOf(config.fields, 'extraConfig');
  if (annotation !== undefined) refuseWithout(call, 'VirtualMachine.Config.Annotation');
  if (options.length > 0) refuseWithout(call, 'VirtualMachine.Config.AdvancedConfig');
  const settings = options.map(({ fields }) => {
    const value = fields.value;
    return [textOf(fields, 'key'), isAny(value) && typeof value.value === 'string' ? value.value : ''] as const;
  });
  return { ...(annotation === undefined ? {} : { annotation }), extraConfig: Object.fromEntries(settings) };
}

function refuseTaken(call: Call, folder: EntityRecord, name: string): void {
  const holder = childrenOf(folder, call.server.model).find((sibling) => sibling.name === name);
  if (!holder) return;
  throw new VimFault('DuplicateName', `The name '${name}' already exists.`, { name, object: refOf(holder) });
}

/** A copy has identities, volumes and disk serials of its own, and neither the guest's state nor snapshots of the original. */
function copiedSpec(
  call: Call,
  vm: VmRecord,
  wanted: {
    readonly name: string;
    readonly disks: readonly DiskInventory[];
    readonly datastore: DatastoreRecord;
    readonly changes: Changes;
  },
): VmInventory {
  const { guest: _guest, tags: _tags, snapshots: _snapshots, vmPathName: _path, ...spec } = vm.spec;
  const { swapStorageObjectId: _swap, resourcePool: _pool, ...rest } = spec;
  const { name, datastore } = wanted;
  const home = `naa.6${randomUUID().replaceAll('-', '').slice(1)}`;
  const ids = call.server.volumes.copy(
    wanted.disks.flatMap(({ backing }) => (backing.kind === 'vvol' ? [backing.backingObjectId] : [])),
  );
  return {
    ...rest,
    name,
    instanceUuid: randomUUID(),
    biosUuid: randomUUID(),
    powerState: 'poweredOff',
    template: false,
    consolidationNeeded: false,
    vmStorageObjectId: home,
    ...wanted.changes,
    extraConfig: { ...spec.extraConfig, ...wanted.changes.extraConfig },
    disks: wanted.disks.map((disk, index) => ({
      ...disk,
      uuid: `6000C29${randomUUID().replaceAll('-', '').slice(7)}`.toUpperCase(),
      backing: {
        kind: 'vvol',
        datastore: datastore.name,
        backingObjectId: ids[index] ?? '',
        fileName: `[${datastore.name}] ${home}/${name}${index === 0 ? '' : `_${index}`}.vmdk`,
      } satisfies DiskBackingInventory,
    })),
  };
}
