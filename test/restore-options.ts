import type { RestoreOptions } from '../src/cli/restore-verb.ts';

/** `snaphook restore run --apply` with no other option. */
export const NO_RESTORE_OPTIONS: Omit<RestoreOptions, 'manifest'> = {
  vm: undefined,
  publicKey: undefined,
  disk: [],
  as: undefined,
  inPlace: false,
  into: undefined,
  host: undefined,
  datastore: undefined,
  folder: undefined,
  resourcePool: undefined,
  connectNetwork: false,
  nvram: true,
  apply: true,
};
