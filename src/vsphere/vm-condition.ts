import type { VmCondition } from '../ports/hypervisor.ts';
import { moRef } from '../ports/identity.ts';
import type { VmTask } from '../ports/vm-task.ts';
import { arrayItems, boolean, ref, text } from './decode.ts';
import type { ObjectProperties } from './property-collector.ts';
import { snapshotsIn } from './snapshot-tree.ts';

/** Properties of a VirtualMachine that its condition is read from. */
export const VM_CONDITION_PROPERTIES = [
  'runtime.host',
  'runtime.powerState',
  'runtime.consolidationNeeded',
  'runtime.faultToleranceState',
  'config.changeTrackingEnabled',
  'config.keyId',
  'guest.toolsRunningStatus',
  'snapshot',
  'recentTask',
];

/** Properties of the tasks that a VM's `recentTask` leads to. */
export const TASK_PROPERTIES = ['info.descriptionId', 'info.state'];

/** Reads a `Task`. A state that is not told may be that of a task at work. */
export function readTask({ object, properties }: ObjectProperties): VmTask {
  const state = text(properties.get('info.state'));
  return {
    id: object.id,
    kind: text(properties.get('info.descriptionId')) ?? 'unknown',
    atWork: state !== 'success' && state !== 'error',
  };
}

export function vmCondition({ object, properties }: ObjectProperties, tasks: ReadonlyMap<string, VmTask>): VmCondition {
  const host = ref(properties.get('runtime.host'));
  const faultTolerance = text(properties.get('runtime.faultToleranceState'));
  const tools = text(properties.get('guest.toolsRunningStatus'));
  return {
    host: host && moRef(host.id),
    suspended: text(properties.get('runtime.powerState')) === 'suspended',
    toolsRunning: tools === 'guestToolsRunning' || tools === 'guestToolsExecutingScripts',
    changeTracking: boolean(properties.get('config.changeTrackingEnabled')) ?? false,
    consolidationNeeded: boolean(properties.get('runtime.consolidationNeeded')) ?? false,
    faultTolerant: faultTolerance !== undefined && faultTolerance !== 'notConfigured',
    encrypted: properties.get('config.keyId') !== undefined,
    snapshots: snapshotsIn(moRef(object.id), properties.get('snapshot')),
    tasks: arrayItems(properties.get('recentTask')).flatMap((task) => tasks.get(ref(task)?.id ?? '') ?? []),
  };
}
