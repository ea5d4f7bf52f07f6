import type { InstanceUuid } from './identity.ts';

/** What a Windows guest was found to have when it was last looked at. */
export interface GuestFacts {
  readonly vm: InstanceUuid;
  /** Program and version of the VSS helper, as it names itself; null: there is none. */
  readonly helper: string | null;
  /** It can make shadow copies by diskshadow; null: not looked at. */
  readonly diskshadow: boolean | null;
  /** Exchange's writer is there, which VSS keeps frozen for 20 s only; null: no helper could tell. */
  readonly exchange: boolean | null;
  /** ISO 8601. */
  readonly at: string;
}

/** Remembers them on this machine. Errors: `E_JOURNAL`. */
export interface GuestFactsStore {
  recall(): Promise<ReadonlyMap<InstanceUuid, GuestFacts>>;
  /** In place of what was remembered of these VMs. */
  remember(facts: readonly GuestFacts[]): Promise<void>;
}
