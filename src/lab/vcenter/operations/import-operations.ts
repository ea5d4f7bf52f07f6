import { notServed, wantedVm } from '../import/import-spec.ts';
import { Lease } from '../import/leases.ts';
import type { VmInventory } from '../inventory.ts';
import { addVm } from '../model/build-model.ts';
import { childrenOf, datacenterOf } from '../model/inventory-tree.ts';
import type { DatacenterRecord, FolderRecord, HostRecord, ResourcePoolRecord } from '../model/records.ts';
import { registerEntities } from '../object-registration.ts';
import { refOf } from '../properties/entity-properties.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import { dataOf, optionalIntOf, optionalReferenceOf } from '../wire/fields.ts';
import { invalidArgument, VimFault } from '../wire/vim-fault.ts';
import { reference } from '../wire/vim-values.ts';
import { folderNames } from './registration-operations.ts';
import { entityOf, userNameOf } from './vm-tasks.ts';

export const importOperations: Readonly<Record<string, OperationHandler>> = {
  ImportVApp: (call) => {
    const { server } = call;
    const { nfcHost, model, volumes } = server;
    const spec = dataOf(call.args, 'spec');
    if (!nfcHost || spec.type !== 'VirtualMachineImportSpec') throw notServed(call, `importing ${spec.type}`);
    const { pool, folder, host, datacenter } = placeOf(call);
    const { vm, disks, datastore } = wantedVm(call, dataOf(spec.fields, 'configSpec'), host);
    // What a stream of a VMFS datastore would be written to, the lab does not have.
    if (datastore.spec.type !== 'VVOL') throw notServed(call, `importing to a ${datastore.spec.type} datastore`);
    const holder = childrenOf(folder, model).find(({ name }) => name === vm.name);
    if (holder) {
      throw new VimFault('DuplicateName', `The name '${vm.name}' already exists.`, {
        name: vm.name,
        object: refOf(holder),
      });
    }
    const home = `[${datastore.name}] ${vm.vmStorageObjectId}`;
    const made: VmInventory = {
      ...vm,
      folder: folderNames(folder),
      ...(pool === pool.owner.rootPool ? {} : { resourcePool: pool.name }),
      vmPathName: `${home}/${vm.name}.vmx`,
      disks: disks.map((disk, index) => ({
        ...disk,
        backing: {
          kind: 'vvol',
          datastore: datastore.name,
          backingObjectId: volumes.create(disk.capacityBytes),
          fileName: `${home}/${vm.name}${index === 0 ? '' : `_${index}`}.vmdk`,
        },
      })),
    };
    const record = addVm(model, datacenter, made);
    registerEntities(server);
    const lease = new Lease(server, nfcHost, record, userNameOf(call));
    model.objects.set(lease.id, lease);
    server.onClose.add(() => lease.stop());
    server.events.add('vcenter', 'effect', call.operation, vm.name);
    return reference(lease.type, lease.id);
  },
  HttpNfcLeaseProgress: (call) => {
    leaseOf(call).progress(optionalIntOf(call.args, 'percent') ?? 0);
    return undefined;
  },
  HttpNfcLeaseComplete: (call) => {
    leaseOf(call).complete();
    return undefined;
  },
  HttpNfcLeaseAbort: (call) => {
    leaseOf(call).abort();
    return undefined;
  },
};

function leaseOf(call: Call): Lease {
  if (call.object instanceof Lease) return call.object;
  throw new Error(`${call.object.id} is no lease`);
}

interface Place {
  readonly pool: ResourcePoolRecord;
  readonly folder: FolderRecord;
  readonly host: HostRecord;
  readonly datacenter: DatacenterRecord;
}

function placeOf(call: Call): Place {
  const { model } = call.server;
  const pool = entityOf(call);
  const folderRef = optionalReferenceOf(call.args, 'folder');
  const hostRef = optionalReferenceOf(call.args, 'host');
  const folder = folderRef && model.entities.get(folderRef.id);
  const host = hostRef && model.entities.get(hostRef.id);
  // A pool in a folder needs one; without a host, DRS would choose.
  if (pool.type !== 'ResourcePool' || folder?.type !== 'Folder') throw invalidArgument('folder');
  if (host?.type !== 'HostSystem' || host.cluster !== pool.owner) throw invalidArgument('host');
  const datacenter = datacenterOf(folder);
  if (!datacenter || datacenter !== datacenterOf(host)) throw invalidArgument('folder');
  if (host.spec.maintenanceMode || (host.spec.connectionState ?? 'connected') !== 'connected') {
    throw new VimFault('InvalidState', 'The operation is not allowed in the current state of the host.');
  }
  return { pool, folder, host, datacenter };
}
