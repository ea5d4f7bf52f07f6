import type { InstanceUuid } from '../ports/identity.ts';

/** A VM that shares a snapped datastore with the VMs of the run. */
export interface CollateralVm {
  readonly name: string;
  readonly instanceUuid: InstanceUuid | undefined;
  readonly poweredOn: boolean | undefined;
  /** Of its files on the datastore, swap left out; undefined where vCenter does not tell. */
  readonly bytes: number | undefined;
  /**
   * `prepared`: frozen in the same window. `powered-off`: nothing writes. `no-disk`: it has files there, but no disk.
   * `not-prepared`: captured as it is at that moment. `unreadable`: the account may not see what it is.
   */
  readonly state: 'prepared' | 'powered-off' | 'no-disk' | 'not-prepared' | 'unreadable';
}

/** What comes with the snapshot of a whole datastore. */
export interface Collateral {
  readonly datastore: string;
  readonly vms: readonly CollateralVm[];
}
