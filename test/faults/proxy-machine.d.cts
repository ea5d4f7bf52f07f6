/** What one call of the proxy adapter to the system meets. */
export interface ProxyFault {
  /** `list devices`, `look at device`, `scan host`, or an option of `blockdev`. */
  readonly operation: string;
  readonly nth: number;
  /** Every later call of the operation too. */
  readonly forGood: boolean;
  readonly when: 'before' | 'after';
  /** `hide`: from now on no device is in the folder. */
  readonly what: 'fail' | 'hang' | 'hide' | 'kill';
}

export interface ProxyWatch {
  readonly counts: ReadonlyMap<string, number>;
  /** Has the fault met its call? */
  readonly fired: boolean;
  end(): void;
}

/** Counts the calls that concern this folder of devices until `end`, and lets one of them meet a fault. */
export function watchProxy(folder: string, fault?: ProxyFault): ProxyWatch;
