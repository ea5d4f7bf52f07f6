import { childrenOf, datacenterOf, nameOfSegment } from '../model/inventory-tree.ts';
import { hostsOf, vmsOf } from '../model/model.ts';
import type { EntityRecord, HostRecord, VmRecord } from '../model/records.ts';
import { homePath } from '../model/vm-home.ts';
import { refOf } from '../properties/entity-properties.ts';
import { notFound } from '../property-collector/collector.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import { flagOf, optionalReferenceOf, referenceOf, textOf } from '../wire/fields.ts';
import type { VimValue } from '../wire/vim-values.ts';

/** Nothing found is an answer without `returnval`, not a fault. */
export const searchIndexOperations: Readonly<Record<string, OperationHandler>> = {
  FindByUuid: (call) => first(byUuid(call)),
  FindAllByUuid: (call) => all(byUuid(call)),
  FindByDnsName: (call) => first(byDnsName(call)),
  FindAllByDnsName: (call) => all(byDnsName(call)),
  FindByIp: (call) => first(byIp(call)),
  FindAllByIp: (call) => all(byIp(call)),
  FindByDatastorePath: (call) => {
    const path = textOf(call.args, 'path');
    return first(candidates(call, true).filter((vm) => vm.type === 'VirtualMachine' && homePath(vm.spec) === path));
  },
  FindByInventoryPath: (call) => {
    const { model } = call.server;
    const segments = textOf(call.args, 'inventoryPath')
      .split('/')
      .filter((segment) => segment !== '');
    const found = segments.reduce<EntityRecord | undefined>(
      (entity, segment) => entity && childNamed(call, entity, nameOfSegment(segment)),
      model.rootFolder,
    );
    return found && refOf(found);
  },
  FindChild: (call) => {
    const ref = referenceOf(call.args, 'entity');
    const entity = call.server.model.entities.get(ref.id);
    if (!entity) throw notFound(ref);
    const child = childNamed(call, entity, nameOfSegment(textOf(call.args, 'name')));
    return child && refOf(child);
  },
};

function childNamed(call: Call, entity: EntityRecord, name: string): EntityRecord | undefined {
  return childrenOf(entity, call.server.model).find((child) => child.name === name);
}

function byUuid(call: Call): readonly EntityRecord[] {
  const uuid = textOf(call.args, 'uuid').toLowerCase();
  const instance = flagOf(call.args, 'instanceUuid');
  return candidates(call).filter((entity) => {
    if (entity.type === 'HostSystem') return entity.spec.uuid.toLowerCase() === uuid;
    return (instance ? entity.spec.instanceUuid : entity.spec.biosUuid).toLowerCase() === uuid;
  });
}

function byDnsName(call: Call): readonly EntityRecord[] {
  const name = textOf(call.args, 'dnsName').toLowerCase();
  return candidates(call).filter((entity) => {
    const known = entity.type === 'HostSystem' ? entity.name : entity.spec.guest?.hostName;
    return known?.toLowerCase() === name;
  });
}

function byIp(call: Call): readonly EntityRecord[] {
  const ip = textOf(call.args, 'ip');
  return candidates(call).filter((entity) => entity.type === 'VirtualMachine' && entity.spec.guest?.ipAddress === ip);
}

/** VMs or hosts, of one datacenter when the call names it. */
function candidates(call: Call, vmSearch = flagOf(call.args, 'vmSearch')): readonly (VmRecord | HostRecord)[] {
  const { model } = call.server;
  const wanted: readonly (VmRecord | HostRecord)[] = vmSearch ? vmsOf(model) : hostsOf(model);
  const ref = optionalReferenceOf(call.args, 'datacenter');
  if (!ref) return wanted;
  const datacenter = model.entities.get(ref.id);
  if (datacenter?.type !== 'Datacenter') throw notFound(ref);
  return wanted.filter((entity) => datacenterOf(entity) === datacenter);
}

function first(found: readonly EntityRecord[]): VimValue | undefined {
  return found[0] && refOf(found[0]);
}

function all(found: readonly EntityRecord[]): VimValue | undefined {
  return found.length > 0 ? found.map(refOf) : undefined;
}
