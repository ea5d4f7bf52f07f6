import { allFaults, CALL_FAULTS, type CallFaultName, DISK_FAULTS, type FaultName, KILLS } from './fault-kinds.ts';
import { isProxyFault } from './proxy-calls.ts';
import type { RunStep } from './run-step.ts';
import { isSshFault } from './ssh-faults.ts';

/** The faults that have a meaning for a step, in the order of the tables. */
export const faultsOf = (step: RunStep): readonly FaultName[] => allFaults().filter((fault) => hasMeaning(step, fault));

export function hasMeaning({ system, operation }: RunStep, fault: FaultName): boolean {
  switch (system) {
    case 'disk':
      return isKilling(fault) || DISK_FAULTS.some((name) => name === fault);
    case 'proxy':
      return isProxyFault(fault, operation);
    case 'ssh':
      return isKilling(fault) || (isOfCall(fault) && isSshFault(fault, operation));
    default:
      return isKilling(fault) || isOfCall(fault);
  }
}

const isOfCall = (fault: FaultName): fault is CallFaultName => CALL_FAULTS.some(({ name }) => name === fault);
const isKilling = (fault: FaultName): boolean => KILLS.some((name) => name === fault);
