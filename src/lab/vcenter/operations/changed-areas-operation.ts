import { allocatedAreas, changedAreas, changeIdsOf } from '../model/change-tracking.ts';
import { fileOf } from '../model/disk-chains.ts';
import { allSnapshots } from '../model/model.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import { optionalIntOf, optionalReferenceOf, textOf } from '../wire/fields.ts';
import { invalidArgument, VimFault } from '../wire/vim-fault.ts';
import { data } from '../wire/vim-values.ts';
import { vmOf } from './vm-tasks.ts';

/** An answer that would have more ends before the next one, so that few changes already take several answers. */
const AREAS_PER_ANSWER = 4;

export const changedAreasOperation: Readonly<Record<string, OperationHandler>> = {
  QueryChangedDiskAreas: (call) => {
    const { vm, disk, changeIds } = stateOf(call);
    const startOffset = longOf(call, 'startOffset');
    if (startOffset < 0 || startOffset >= disk.capacityBytes) throw invalidArgument('startOffset');
    const since = textOf(call.args, 'changeId');
    const until = changeIds.get(disk.key);
    const areas =
      until === undefined
        ? undefined
        : since === '*'
          ? allocatedAreas(vm, disk, until)
          : changedAreas(vm, disk, { since, until });
    if (!areas) throw new VimFault('FileFault', 'Error caused by file', { file: fileOf(disk.backing) ?? '' });
    const ahead = areas.flatMap(({ startBytes, lengthBytes }) => {
      const start = Math.max(startBytes, startOffset);
      return startBytes + lengthBytes > start ? [{ start, length: startBytes + lengthBytes - start }] : [];
    });
    const endBytes = ahead[AREAS_PER_ANSWER]?.start ?? disk.capacityBytes;
    return data('DiskChangeInfo', {
      startOffset,
      length: endBytes - startOffset,
      changedArea: ahead.slice(0, AREAS_PER_ANSWER).map((area) => data('DiskChangeExtent', area)),
    });
  },
};

/** The disk in the snapshot. Without one it is that of the VM now, which only a VM that is powered off tells. */
function stateOf(call: Call) {
  const vm = vmOf(call);
  const reference = optionalReferenceOf(call.args, 'snapshot');
  const snapshot = reference && allSnapshots(vm).find(({ id }) => id === reference.id);
  if (reference && !snapshot) throw invalidArgument('snapshot');
  const key = optionalIntOf(call.args, 'deviceKey');
  const disk = (snapshot?.spec ?? vm.spec).disks.find((one) => one.key === key);
  if (!disk) throw invalidArgument('deviceKey');
  if (!snapshot && vm.spec.powerState !== 'poweredOff') {
    throw new VimFault('FileFault', 'Error caused by file', { file: fileOf(disk.backing) ?? '' });
  }
  // A setting that was switched off forgets nothing before the VM stands still, but tells nothing any more.
  const isTracked = vm.spec.changeTrackingEnabled === true;
  return { vm, disk, changeIds: isTracked ? (snapshot?.changeIds ?? changeIdsOf(vm)) : new Map<number, string>() };
}

function longOf(call: Call, name: string): number {
  const value = call.args[name];
  if (typeof value !== 'number' && typeof value !== 'bigint') throw invalidArgument(name);
  return Number(value);
}
