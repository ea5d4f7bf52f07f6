/** Which write meets what, and whether every later one does too. */
export interface DiskFault {
  readonly operation: string;
  readonly nth: number;
  readonly forGood: boolean;
  /** `after`: what is written is on the disk. */
  readonly when: 'before' | 'after';
  /** The error of the system, or the end of the process. */
  readonly what: 'ENOSPC' | 'EIO' | 'kill';
}

/** The writes to journals and to the hand-over directory of one site. */
export interface DiskWrites {
  /** By operation: `journal write`, `export write`. */
  readonly counts: ReadonlyMap<string, number>;
  /** Has the fault met its write? */
  readonly fired: boolean;
  end(): void;
}

export function watchDisk(directory: string, fault?: DiskFault): DiskWrites;
