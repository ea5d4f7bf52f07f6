import type { DiskCondition, VmCondition } from '../../src/ports/hypervisor.ts';

/** A disk with nothing between it and the array. */
export const PLAIN_DISK: DiskCondition = { chain: [], filters: [], hostCache: 'none', encrypted: false };

/** A VM that nobody does anything with, and nothing of which needs to be told. */
export const QUIET_VM: VmCondition = {
  host: undefined,
  suspended: false,
  toolsRunning: true,
  changeTracking: false,
  consolidationNeeded: false,
  faultTolerant: false,
  encrypted: false,
  snapshots: [],
  tasks: [],
};
