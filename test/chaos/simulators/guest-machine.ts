import type { FreezeStrategy } from '../../../src/ports/guest.ts';
import type { TrueHold } from '../oracle.ts';

export type SessionPhase = 'open' | 'prepared' | 'freezing' | 'held' | 'over' | 'failed';

/** Who ended a hold. `ours`: the client's release. `lease`: the guest's own limit. `other`: a restart, a stranger, a lost client. */
export type HoldEnd = 'ours' | 'lease' | 'other';

/** One time span in which the guest stood still for a session. */
export interface Hold {
  readonly frozenAtMs: number;
  readonly endedAtMs: number | undefined;
  readonly endedBy: HoldEnd | undefined;
}

/** One conversation of a client with the program in the guest. */
export interface FreezeSession {
  /** What names it from outside. */
  readonly id: string;
  readonly phase: SessionPhase;
  readonly hold: Hold | undefined;
  onChange: () => void;
}

/** A guest with a freeze helper: what really happens in it, whoever asks and whoever is told. */
export interface GuestMachine {
  readonly name: string;
  readonly strategy: FreezeStrategy;
  readonly leaseMs: number;
  /** Something stands still because of us. */
  readonly isFrozen: boolean;
  readonly sessions: ReadonlyMap<string, FreezeSession>;
  /** Every span in which anything stood still because of us. */
  readonly standstills: readonly {
    readonly fromMs: number;
    readonly untilMs: number | undefined;
    /** Nothing in the guest was left to end it. */
    readonly isUnguarded: boolean;
  }[];
  readonly trueHolds: readonly TrueHold[];
  /** The guest restarts, or somebody ends the helper: every session and hold is over. */
  restart(): void;
}

/** What a client can do with one kind of guest. */
export interface FreezableMachine<Session extends FreezeSession> extends GuestMachine {
  openSession(isClientAlive: () => boolean): Session;
  beginFreeze(session: Session): void;
  /** A release before the hold is not heard. */
  release(session: Session): void;
  /** Ends a freeze that holds nothing yet. */
  abort(session: Session): void;
  /** Whatever it holds is let go. */
  endSession(id: string): void;
}
