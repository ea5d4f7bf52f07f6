import { SnaphookError } from '../ports/errors.ts';
import type { UnreadableVm, VmRecord } from '../ports/hypervisor.ts';
import { moRef } from '../ports/identity.ts';
import type { VmTask } from '../ports/vm-task.ts';
import { boolean, ref, text } from './decode.ts';
import {
  type DatastoreFacts,
  datastoreFacts,
  diskDatastores,
  hasRawDevice,
  type StorageFacts,
  virtualDisks,
} from './disks.ts';
import { displayName, readInstanceUuid } from './managed-entity.ts';
import { type ObjectProperties, requireReadable, retrieveObjects } from './property-collector.ts';
import { type HostLun, hostLuns } from './raw-devices.ts';
import type { Session } from './session.ts';
import { readTask, TASK_PROPERTIES, VM_CONDITION_PROPERTIES, vmCondition } from './vm-condition.ts';
import { VM_HARDWARE_PROPERTIES, vmHardware } from './vm-hardware.ts';

const DEVICES = 'config.hardware.device';
const LUNS = 'config.storageDevice.scsiLun';

const VM_PROPERTIES = [
  'name',
  'config.instanceUuid',
  'config.template',
  'config.changeVersion',
  DEVICES,
  'summary.config.instanceUuid',
  'summary.config.template',
  'runtime.connectionState',
  'guest.hostName',
  'guest.ipAddress',
  'guest.guestFamily',
  ...VM_CONDITION_PROPERTIES,
  ...VM_HARDWARE_PROPERTIES,
];
const DATASTORE_PROPERTIES = ['name', 'summary.type', 'info'];

interface ReadVms {
  readonly records: ReadonlyMap<string, VmRecord>;
  readonly unreadable: ReadonlyMap<string, Pick<UnreadableVm, 'name' | 'error'>>;
}

/**
 * Reads the given VMs with their datastores and tasks in one call (and one more for the hosts' LUNs when a VM has raw devices),
 * whatever their number. A VM that is gone meanwhile is not in the result. One of which, or of whose datastores, vCenter does not
 * tell enough is told with the reason.
 */
export async function readVms(session: Session, ids: readonly string[]): Promise<ReadVms> {
  const vms: ObjectProperties[] = [];
  const datastores = new Map<string, DatastoreFacts>();
  const unreadableDatastores = new Map<string, SnaphookError>();
  const tasks = new Map<string, VmTask>();
  for await (const found of retrieveObjects(session, {
    propSet: [
      { type: 'VirtualMachine', pathSet: VM_PROPERTIES },
      { type: 'Datastore', pathSet: DATASTORE_PROPERTIES },
      { type: 'Task', pathSet: TASK_PROPERTIES },
    ],
    objectSet: ids.map((id) => ({
      obj: { type: 'VirtualMachine', id },
      skip: false,
      selectSet: [
        { type: 'VirtualMachine', path: 'datastore' },
        { type: 'VirtualMachine', path: 'recentTask' },
      ],
    })),
    reportMissingObjectsInResults: true,
  })) {
    if (found.object.type === 'VirtualMachine') vms.push(found);
    if (found.object.type === 'Datastore') {
      const facts = orError(() => readDatastore(session, found));
      if (facts instanceof SnaphookError) unreadableDatastores.set(found.object.id, facts);
      else datastores.set(found.object.id, facts);
    }
    if (found.object.type === 'Task') tasks.set(found.object.id, readTask(found));
  }
  const luns = await readLuns(session, vms);
  const records = new Map<string, VmRecord>();
  const unreadable = new Map<string, Pick<UnreadableVm, 'name' | 'error'>>();
  for (const vm of vms) {
    const host = ref(vm.properties.get('runtime.host'))?.id ?? '';
    const storage = { datastores, luns: luns.get(host) ?? new Map() };
    const [ofDisk] = diskDatastores(vm.properties.get(DEVICES)).flatMap((id) => unreadableDatastores.get(id) ?? []);
    const record = ofDisk ?? orError(() => vmRecord(session, vm, storage, tasks));
    if (record instanceof SnaphookError) unreadable.set(vm.object.id, { name: nameOf(vm), error: record });
    else records.set(vm.object.id, record);
  }
  return { records, unreadable };
}

function orError<Result>(read: () => Result): Result | SnaphookError {
  try {
    return read();
  } catch (error) {
    if (error instanceof SnaphookError) return error;
    throw error;
  }
}

function readDatastore(session: Session, { object, properties, ...rest }: ObjectProperties): DatastoreFacts {
  requireReadable(session, { object, properties, ...rest }, DATASTORE_PROPERTIES);
  const name = displayName(text(properties.get('name')) ?? object.id);
  return datastoreFacts(name, text(properties.get('summary.type')) ?? '', properties.get('info'));
}

/** Devices by LUN uuid, a map for each host that runs a VM with raw devices. */
async function readLuns(
  session: Session,
  vms: readonly ObjectProperties[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, HostLun>>> {
  const hosts = new Set(
    vms
      .filter((vm) => hasRawDevice(vm.properties.get(DEVICES)))
      .map((vm) => ref(vm.properties.get('runtime.host'))?.id)
      .filter((id) => id !== undefined),
  );
  const byHost = new Map<string, ReadonlyMap<string, HostLun>>();
  for await (const { object, properties } of retrieveObjects(session, {
    propSet: [{ type: 'HostSystem', pathSet: [LUNS] }],
    objectSet: [...hosts].map((id) => ({ obj: { type: 'HostSystem', id }, skip: false })),
    reportMissingObjectsInResults: true,
  })) {
    byHost.set(object.id, hostLuns(properties.get(LUNS)));
  }
  return byHost;
}

function vmRecord(
  session: Session,
  vm: ObjectProperties,
  storage: StorageFacts,
  tasks: ReadonlyMap<string, VmTask>,
): VmRecord {
  const { object, properties } = vm;
  requireReadable(session, vm, ['name', 'config.instanceUuid', DEVICES, 'snapshot', 'recentTask']);
  const name = nameOf(vm);
  const connectionState = text(properties.get('runtime.connectionState'));
  const connected = connectionState === 'connected';
  const devices = properties.get(DEVICES);
  if (connected && devices === undefined) {
    throw noConfiguration(session, name, object.id, 'connected');
  }
  // The summary keeps the identity of a VM whose configuration file cannot be read at the moment.
  const uuid =
    readInstanceUuid(properties.get('config.instanceUuid')) ??
    readInstanceUuid(properties.get('summary.config.instanceUuid'));
  if (uuid === undefined) throw noConfiguration(session, name, object.id, connectionState ?? 'unknown');
  return {
    instanceUuid: uuid,
    moRef: moRef(object.id),
    name,
    poweredOn: text(properties.get('runtime.powerState')) === 'poweredOn',
    template: boolean(properties.get('config.template')) ?? boolean(properties.get('summary.config.template')) ?? false,
    connected,
    guestHostName: filled(properties.get('guest.hostName')),
    guestAddress: filled(properties.get('guest.ipAddress')),
    guestFamily: filled(properties.get('guest.guestFamily')),
    disks: virtualDisks(devices, storage),
    hardware: vmHardware(vm),
    condition: vmCondition(vm, tasks),
    changeVersion: text(properties.get('config.changeVersion')),
  };
}

const nameOf = ({ object, properties }: ObjectProperties): string =>
  displayName(text(properties.get('name')) ?? object.id);

function filled(node: unknown): string | undefined {
  const value = text(node);
  return value === '' ? undefined : value;
}

const noConfiguration = (session: Session, name: string, id: string, state: string): SnaphookError =>
  new SnaphookError(
    'E_VCENTER',
    `vCenter "${session.server}" has no configuration of virtual machine "${name}" (${id}), whose state is "${state}"`,
    {
      hint: 'Its configuration file cannot be read: repair or re-register the virtual machine, or take it out of the job.',
    },
  );
