import { randomUUID } from 'node:crypto';
import type { VmInventory } from '../inventory.ts';
import { addVm } from '../model/build-model.ts';
import { childrenOf, datacenterOf, datastoreNamed, shownName } from '../model/inventory-tree.ts';
import { vmsOf } from '../model/model.ts';
import type { DatacenterRecord, EntityRecord, HostRecord } from '../model/records.ts';
import { removeVm } from '../model/remove-vm.ts';
import { filesOfVm } from '../model/vm-files.ts';
import { homePath } from '../model/vm-home.ts';
import { registerEntities } from '../object-registration.ts';
import { refOf } from '../properties/entity-properties.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import { hasPrivilege } from '../sessions.ts';
import { flagOf, optionalReferenceOf, optionalTextOf, textOf } from '../wire/fields.ts';
import { invalidArgument, noPermission, VimFault } from '../wire/vim-fault.ts';
import { anyOf, reference } from '../wire/vim-values.ts';
import { entityOf, startTask, vmOf } from './vm-tasks.ts';

const REGISTER_MS = 1000;

export const registrationOperations: Readonly<Record<string, OperationHandler>> = {
  RegisterVM_Task: (call) => {
    const folder = entityOf(call);
    const path = textOf(call.args, 'path');
    const pool = optionalReferenceOf(call.args, 'pool');
    const asTemplate = flagOf(call.args, 'asTemplate');
    if (!asTemplate && !pool) throw invalidArgument('pool');
    if (pool && !hasPrivilege(call.session, 'Resource.AssignVMToPool')) {
      throw noPermission(pool, 'Resource.AssignVMToPool');
    }
    const datacenter = datacenterOf(folder);
    if (!datacenter) throw new VimFault('NotSupported', 'The operation is not supported on the object.');
    return startTask(call, folder, 'Folder.registerVm', async () => {
      await call.server.pace.wait(REGISTER_MS);
      const { resourcePool, ...spec } = unregisteredVm(call, datacenter, path);
      const host = hostFor(call, datacenter, spec);
      const name = optionalTextOf(call.args, 'name') ?? spec.name;
      const holder = childrenOf(folder, call.server.model).find((sibling) => sibling.name === name);
      if (holder) {
        throw new VimFault('DuplicateName', `The name '${name}' already exists.`, { name, object: refOf(holder) });
      }
      const vm = addVm(call.server.model, datacenter, {
        ...spec,
        // vCenter changes an identity that another of its VMs has (vSphere API: VirtualMachineConfigInfo.instanceUuid).
        instanceUuid: isTaken(call, spec.instanceUuid) ? randomUUID() : spec.instanceUuid,
        name,
        folder: folderNames(folder),
        host: host.name,
        ...poolOf(call, resourcePool),
        template: asTemplate,
        powerState: 'poweredOff',
      });
      call.server.model.unregistered.delete(path);
      registerEntities(call.server);
      return anyOf({ name: 'VirtualMachine', array: false, reference: true }, reference('VirtualMachine', vm.id));
    });
  },
  UnregisterVM: (call) => {
    const vm = vmOf(call);
    const { model } = call.server;
    const { powerState } = vm.spec;
    if (powerState !== 'poweredOff') {
      throw new VimFault('InvalidPowerState', 'The attempted operation cannot be performed in the current state.', {
        requestedState: 'poweredOff',
        existingState: powerState,
      });
    }
    model.unregistered.set(homePath(vm.spec), filesOfVm(vm));
    removeVm(model, vm);
    call.server.events.add('vcenter', 'effect', call.operation, vm.name);
    return undefined;
  },
};

/** From the datacenter's VM folder down. */
export function folderNames(folder: EntityRecord): readonly string[] {
  const { parent } = folder;
  return parent === undefined || parent.type === 'Datacenter' ? [] : [...folderNames(parent), folder.name];
}

function poolOf({ server, args }: Call, former: string | undefined): Pick<VmInventory, 'resourcePool'> {
  const pool = optionalReferenceOf(args, 'pool');
  const record = pool && server.model.entities.get(pool.id);
  if (record?.type !== 'ResourcePool') return former === undefined ? {} : { resourcePool: former };
  return record === record.owner.rootPool ? {} : { resourcePool: record.name };
}

const isTaken = ({ server: { model } }: Call, instanceUuid: string): boolean =>
  vmsOf(model).some((vm) => vm.spec.instanceUuid === instanceUuid);

function unregisteredVm({ server: { model } }: Call, datacenter: DatacenterRecord, path: string): VmInventory {
  const name = /^\[(.+?)\] .+\.(?:vmx|vmtx)$/.exec(path)?.[1];
  if (name === undefined || !datastoreNamed(name, datacenter)) {
    throw new VimFault('InvalidDatastorePath', `Invalid datastore path '${path}'.`, { datastorePath: path });
  }
  const registered = vmsOf(model).find((vm) => homePath(vm.spec) === path && datacenterOf(vm) === datacenter);
  if (registered) {
    throw new VimFault('AlreadyExists', 'The specified key, name, or identifier already exists.', {
      name: shownName(registered.name),
    });
  }
  const spec = model.unregistered.get(path);
  if (!spec) throw new VimFault('FileNotFound', `File ${path} was not found`, { file: path });
  return spec;
}

function hostFor({ server, args }: Call, datacenter: DatacenterRecord, spec: VmInventory): HostRecord {
  const wanted = optionalReferenceOf(args, 'host');
  const pool = optionalReferenceOf(args, 'pool');
  const poolRecord = pool && server.model.entities.get(pool.id);
  const hosts = datacenter.folders.host.children.flatMap((child) =>
    child.type === 'ClusterComputeResource' ? child.hosts : [],
  );
  const host = hosts.find(({ id, name, cluster }) =>
    wanted ? id === wanted.id : poolRecord?.type === 'ResourcePool' ? poolRecord.owner === cluster : name === spec.host,
  );
  if (!host) throw invalidArgument(wanted ? 'host' : 'pool');
  return host;
}
