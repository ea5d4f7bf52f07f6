import { type DiskFault, type DiskWrites, watchDisk } from './disk-machine.cjs';
import type { FaultName } from './fault-kinds.ts';

export type { DiskWrites } from './disk-machine.cjs';

/** Counts the writes below a directory until `end`; one of them can meet a fault. */
export const watchWrites = (directory: string, fault?: DiskFault): DiskWrites => watchDisk(directory, fault);

/** The same for a hook that is a process of its own: what it needs in its environment. */
export const diskWritesOfProcess = (directory: string, fault: DiskFault): { readonly DISK_WATCH: string } => ({
  DISK_WATCH: JSON.stringify({ directory, fault }),
});

export function diskFault(operation: string, nth: number, name: FaultName): DiskFault {
  const fault = { operation, nth, forGood: false, when: 'before', what: 'ENOSPC' } as const;
  switch (name) {
    case 'disk full':
      return fault;
    case 'disk full for good':
      return { ...fault, forGood: true };
    case 'write fails':
      return { ...fault, what: 'EIO' };
    case 'written but reported failed':
      return { ...fault, what: 'EIO', when: 'after' };
    case 'killed before the effect':
    case 'machine gone':
      return { ...fault, what: 'kill' };
    case 'killed after the effect':
      return { ...fault, what: 'kill', when: 'after' };
    default:
      throw new Error(`"${name}" is no fault of the disk`);
  }
}
