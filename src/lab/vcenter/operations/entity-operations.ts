import type { PowerState } from '../inventory.ts';
import { childrenOf } from '../model/inventory-tree.ts';
import type { EntityRecord } from '../model/records.ts';
import { renameDatastore } from '../model/rename-datastore.ts';
import { refOf } from '../properties/entity-properties.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import { textOf } from '../wire/fields.ts';
import { VimFault } from '../wire/vim-fault.ts';
import type { Reference } from '../wire/vim-values.ts';
import { refuseWithout } from './object-view.ts';
import { entityOf, startTask, userNameOf, vmOf } from './vm-tasks.ts';

const POWER_MS = 1500;
const RENAME_MS = 200;

/** Hosts are not renamed: their name is their address. */
const RENAME_PRIVILEGES: Readonly<Partial<Record<EntityRecord['type'], string>>> = {
  Folder: 'Folder.Rename',
  Datacenter: 'Datacenter.Rename',
  ClusterComputeResource: 'Host.Inventory.RenameCluster',
  ResourcePool: 'Resource.RenamePool',
  Datastore: 'Datastore.Rename',
  VirtualMachine: 'VirtualMachine.Config.Rename',
};

export const entityOperations: Readonly<Record<string, OperationHandler>> = {
  Rename_Task: (call) => {
    const entity = entityOf(call);
    const privilege = RENAME_PRIVILEGES[entity.type];
    if (privilege === undefined) throw new VimFault('NotSupported', 'The operation is not supported on the object.');
    refuseWithout(call, privilege);
    const name = textOf(call.args, 'newName');
    return startTask(call, entity, 'ManagedEntity.rename', async () => {
      await call.server.pace.wait(RENAME_MS);
      const siblings = entity.parent ? childrenOf(entity.parent, call.server.model) : [];
      const holder = siblings.find((sibling) => sibling !== entity && sibling.name === name);
      if (holder) {
        throw new VimFault('DuplicateName', `The name '${name}' already exists.`, { name, object: refOf(holder) });
      }
      if (entity.type === 'Datastore') renameDatastore(call.server.model, entity, name);
      else entity.name = name;
    });
  },
  PowerOnVM_Task: (call) => changePower(call, 'VirtualMachine.powerOn', 'poweredOn'),
  PowerOffVM_Task: (call) => changePower(call, 'VirtualMachine.powerOff', 'poweredOff'),
  CancelTask: (call) => {
    refuseWithout(call, 'System.View');
    if (call.server.tasks.initiatorOf(call.object.id) !== userNameOf(call)) refuseWithout(call, 'Global.CancelTask');
    call.server.tasks.cancel(call.object.id);
    return undefined;
  },
};

function changePower(call: Call, descriptionId: string, wanted: PowerState): Reference {
  const vm = vmOf(call);
  return startTask(call, vm, descriptionId, async () => {
    await call.server.pace.wait(POWER_MS);
    const existing = vm.spec.powerState;
    if (existing === wanted) {
      const shown = existing === 'poweredOn' ? 'Powered on' : 'Powered off';
      throw new VimFault(
        'InvalidPowerState',
        `The attempted operation cannot be performed in the current state (${shown}).`,
        {
          requestedState: wanted,
          existingState: existing,
        },
      );
    }
    vm.spec = { ...vm.spec, powerState: wanted };
  });
}
