import { fileOf, filesOfDisk } from './disk-chains.ts';
import { type Model, vmsOf } from './model.ts';
import type { VmRecord } from './records.ts';

/** A VM that runs on the file itself: nobody else may open it. */
export function writerOf(model: Model, file: string, except?: VmRecord): VmRecord | undefined {
  return runningOthers(model, except).find((vm) => vm.spec.disks.some(({ backing }) => fileOf(backing) === file));
}

/** A VM that has the file open somewhere in a chain: it cannot be merged or deleted. */
export function userOf(model: Model, file: string, except?: VmRecord): VmRecord | undefined {
  return runningOthers(model, except).find((vm) => vm.spec.disks.some((disk) => filesOfDisk(disk).includes(file)));
}

function runningOthers(model: Model, except: VmRecord | undefined): readonly VmRecord[] {
  return vmsOf(model).filter((vm) => vm !== except && vm.spec.powerState !== 'poweredOff');
}
