import type { VimValue } from '../wire/vim-values.ts';

/** Top-level properties by name. A reader that returns undefined: known, but unset at the moment. */
export type PropertyReaders = Readonly<Record<string, () => VimValue | undefined>>;

/** Anything with a managed object id that calls can be made on and properties be read of. */
export interface ManagedObject {
  readonly type: string;
  readonly id: string;
  readers(): PropertyReaders;
}
