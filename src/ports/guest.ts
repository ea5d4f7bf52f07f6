import type { MoRef } from './identity.ts';

/** One VSS writer as the requestor saw it. */
export interface WriterStatus {
  readonly id: string;
  readonly name: string;
  /** VSS_WRITER_STATE: 1 stable, 2 to 5 waiting for a phase, 6 to 15 failed in a phase. */
  readonly state: number;
  /** `0x00000000`, or the writer's failure such as `0x800423F4`. */
  readonly hresult: string;
  /** False: the writer has no selected component on the captured volumes; its failure does not count. */
  readonly required: boolean;
  /** Of a writer that failed. `mayPass`: to wait and try again may be enough. */
  readonly remedy?: { readonly advice: string; readonly mayPass: boolean };
}

/** A part of an application that is not in the snapshot, because some of its files lie on volumes that are not captured. */
export interface ExcludedComponent {
  /** As `WriterStatus` has it. */
  readonly writer: { readonly id: string; readonly name: string };
  readonly component: string;
  /** The volume that is missing, or words. */
  readonly reason: string;
}

/** An entry of the guest's own event logs about the freeze. */
export interface GuestLogEntry {
  readonly source: string;
  readonly id: number;
  readonly level: 'error' | 'warning' | 'information';
  /** ISO 8601, by the guest's clock. */
  readonly at: string;
  readonly text: string;
}

/**
 * What stands still while the snapshot is taken. `commit`: applications, and all writes to the volumes. `precommit`: applications, whose
 * data were flushed; other programs go on writing.
 */
export type HoldMode = 'commit' | 'precommit';

/** `full`: applications drop logs that the backup holds, when they are told that it has succeeded. */
export type BackupType = 'copy' | 'full';

/**
 * Will applications be told how the backup of this run ended? `told`: the post hook hears it from the backup product. `untold`: nobody
 * tells it to the post hook. `none`: nothing is backed up.
 */
export type BackupEnd = 'told' | 'untold' | 'none';

export interface GuestVolume {
  /** Mount points or the volume's own path, as the guest names it. */
  readonly name: string;
  /** Serials (`guestDiskUuid`) of the disks that hold it. */
  readonly diskUuids: readonly string[];
}

/** How a guest is made to stand still. */
export type FreezeStrategy = 'vss-provider' | 'vss-diskshadow' | 'linux-fsfreeze';

/** A VSS writer as another process than the requestor sees it: that can raise doubts, and prove nothing. */
export interface ListedWriter {
  readonly id: string;
  readonly name: string;
  /** VSS_WRITER_STATE, as in `WriterStatus`. */
  readonly state: number;
  /** VSS was told to make no shadow copy without it. */
  readonly verified: boolean;
}

/** One way to make a guest stand still. */
export interface FreezeWay {
  readonly strategy: FreezeStrategy;
  /** Where VSS is held: `commit` holds all writes; `precommit` holds applications alone, for longer. Absent: no provider of ours holds it. */
  readonly hold?: HoldMode;
  /** The guest lets go by itself after this, so the array has to answer before. Undefined: nothing is held meanwhile. */
  readonly leaseMs: number | undefined;
  /** Absent: `copy`. */
  readonly backupType?: BackupType;
  /** Applications that the settings name and that nothing speaks for in this way. Absent: none. */
  readonly unspoken?: readonly string[];
}

/** An application in a guest, as the scripts and plug-ins of the guest speak for it. */
export interface GuestApplication {
  readonly name: string;
  /** Named in the settings of the guest: without its word the grade is not `application`. */
  readonly required: boolean;
  /** A script that ended well said that the application is quiet, or its plug-in answered so. */
  readonly quiet: boolean;
  /** Why nothing speaks for it, or the word of its plug-in does not count. */
  readonly problem?: string;
}

/** The exit code of a plug-in that has nothing to do: what it was asked for it does not implement, and nothing was done. */
export const PLUG_IN_NOT_IMPLEMENTED = 99;

/** One script or application plug-in of the guest's administrator: its file name, how it ended, and the end of what it said. */
export interface ScriptRun {
  /** A plug-in answers for one application, whose name is its own. */
  readonly kind: 'script' | 'plug-in';
  readonly name: string;
  readonly phase: 'freeze' | 'thaw' | 'freezeFail';
  /** Undefined: it was ended because its time was over, or by a signal. */
  readonly exitCode: number | undefined;
  readonly output: string;
}

interface Prepared {
  readonly helper: string;
  /** What will stand still: a volume or file system with the disks that hold it. */
  readonly volumes: readonly GuestVolume[];
  /** The guest lets go by itself after this. 0: nothing is held for the array. */
  readonly leaseMs: number;
}

export type PreparedGuest =
  | (Prepared & {
      readonly strategy: 'vss-provider';
      readonly writersBefore: readonly WriterStatus[];
      /** Absent in journals of earlier versions: `copy`, `commit`, and nothing was told. */
      readonly backupType?: BackupType;
      readonly hold?: HoldMode;
      readonly excludedComponents?: readonly ExcludedComponent[];
      /** Volumes on captured disks that nothing holds: they have no file system that Windows can read. Absent: none. */
      readonly notHeld?: readonly string[];
      /** Another one after every start of the guest. */
      readonly bootId?: string;
      /** Those that no VSS writer speaks for. Absent in journals of earlier versions: no script and no plug-in was run. */
      readonly applications?: readonly GuestApplication[];
      readonly scripts?: readonly ScriptRun[];
    })
  | (Prepared & {
      readonly strategy: 'vss-diskshadow';
      readonly writersBefore: readonly ListedWriter[];
      /** That the settings name, though nobody can speak for them. Absent: none. */
      readonly applications?: readonly GuestApplication[];
    })
  | (Prepared & {
      readonly strategy: 'linux-fsfreeze';
      /** Serials of captured disks that hold swap space and nothing else: what is in it matters to nobody. */
      readonly swapDisks: readonly string[];
      /** What may change on captured disks while the volumes stand still, each with the reason: it is not among them. */
      readonly notFreezable: readonly string[];
      readonly applications: readonly GuestApplication[];
      readonly scripts: readonly ScriptRun[];
    });

/** How a freeze ended, as the guest itself tells. */
export type ThawVerdict =
  /** Released by us while writes were still held: the only verdict that proves the window. */
  | { readonly kind: 'released'; readonly heldMs: number }
  /** The guest gave up waiting: it writes again, since an unknown moment of our window. */
  | { readonly kind: 'expired'; readonly heldMs: number }
  /** Nothing was held for the array: what stood still is in shadow copies that were made before. */
  | { readonly kind: 'not-held'; readonly heldMs: 0 };

/** One file system of a Linux guest: confirmed frozen, and found still frozen when it was released. */
export interface FrozenFileSystem {
  readonly name: string;
  readonly frozen: boolean;
  readonly heldToTheEnd: boolean;
}

/** A shadow copy (VSS) that a freeze left in a volume of its guest: what stood still is in it, and not in the volume itself. */
export interface ShadowCopy {
  readonly id: string;
  readonly setId: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** As the guest names it. */
  readonly volume: string;
}

interface Frozen {
  readonly verdict: ThawVerdict;
  /** What the freeze framework said at the end (VSS: HRESULT of DoSnapshotSet, `0x0004230A` when finished). */
  readonly result: string;
  readonly finished: boolean;
  readonly flushed: boolean;
  /** Absent: the strategy leaves none. */
  readonly shadowCopies?: readonly ShadowCopy[];
}

export type FreezeEvidence =
  | (Frozen & {
      readonly strategy: 'vss-provider';
      readonly writersAfter: readonly WriterStatus[];
      /** Absent in journals of earlier versions. */
      readonly events?: readonly GuestLogEntry[];
      /** What scripts and plug-ins said after the thaw. Absent in journals of earlier versions. */
      readonly scripts?: readonly ScriptRun[];
    })
  | (Frozen & {
      readonly strategy: 'vss-diskshadow';
      readonly shadowCopies: readonly ShadowCopy[];
      /** When all of them were known to be there, on the monotonic clock of the run, milliseconds. */
      readonly madeMs: number;
      /** When the guest was asked for them again, on the same clock. */
      readonly lookedAgainMs: number;
      /** Ids of those that were not there then. */
      readonly lost: readonly string[];
      readonly writersAfter: readonly ListedWriter[];
    })
  | (Frozen & {
      readonly strategy: 'linux-fsfreeze';
      readonly fileSystems: readonly FrozenFileSystem[];
      /** What the scripts said after the thaw; `freezeFail` runs in place of `thaw` when the freeze was lost. */
      readonly scripts: readonly ScriptRun[];
    });

/**
 * One guest during one run. Calls come in this order: prepare, quiet, freeze, thaw, finish, close; `thaw` is allowed at any time,
 * any number of times, and after errors: *unknown is frozen*.
 * Errors: `E_GUEST_*`, `E_WRITER_FAILED`, `E_FREEZE_FAILED`, `E_THAW_UNCONFIRMED`, `E_TLS_UNTRUSTED`.
 */
export interface Guest {
  readonly name: string;
  /** The longest that scripts and plug-ins of its administrator may take together, each time they are told something. 0: none are run. */
  readonly scriptLimitMs: number;
  /**
   * Opens and warms the channel, loads the helper, gathers metadata. Nothing is frozen, and applications go on.
   * `onSession` is awaited as soon as something exists in the guest that a crash would leave behind; each of its records is what
   * `closeLeftover` needs to find it again. No secrets. `backupEnd` absent: `none`.
   * Errors: `E_CONFIG` for a guest whose backups are full when nobody will tell how they end.
   */
  prepare(
    request: {
      readonly runId: string;
      readonly backupEnd?: BackupEnd;
      readonly diskUuids: readonly string[];
      readonly onSession: (resume: Readonly<Record<string, string>>) => Promise<void>;
    },
    signal: AbortSignal,
  ): Promise<PreparedGuest>;
  /**
   * Makes applications quiet, where scripts of the guest do that and not the freeze itself; resolves with what `prepare` told and
   * what they said. Or makes the shadow copies that hold what stood still: then the guest writes again when this resolves, `freeze` and
   * `thaw` change nothing, and `close` removes them; `onSession` is given what finds them before this resolves. Applications of scripts go on with the thaw, also with one that comes in place of the freeze, with `close`, and by
   * themselves when no freeze has been asked for after `freezeWithinMs`.
   */
  quiet(request: { readonly freezeWithinMs: number }, signal: AbortSignal): Promise<PreparedGuest>;
  /** Resolves when applications are frozen and writes are held. Opens no connection. */
  freeze(signal: AbortSignal): Promise<void>;
  /** One message on the open channel; resolves when the guest confirmed that it writes again. */
  thaw(signal: AbortSignal): Promise<ThawVerdict>;
  /** The verdict of the freeze framework and of the writers, after the thaw. */
  finish(signal: AbortSignal): Promise<FreezeEvidence>;
  /**
   * After a `finish` that says `finished`, of a guest that was prepared for a full backup: leaves it to the guest, which waits for
   * `endBackup` for so many hours after the session has ended. Then its applications take the backup for failed.
   * Absent: its guests make no full backups.
   */
  park?(hours: number, signal: AbortSignal): Promise<void>;
  /** Ends helper and session; never throws, safe to call twice. `unknown`: the guest did not confirm it. */
  close(): Promise<'closed' | 'unknown'>;
}

/** A session that was not seen to end. */
export interface LeftoverSession {
  /** What `onSession` was given. */
  readonly resume: Readonly<Record<string, string>>;
  /** A freeze was asked for, and nothing tells that the guest let go. */
  readonly mayStandStill: boolean;
}

/** A full backup that was left to its guest. */
export interface ParkedBackup {
  /** The run it was prepared for. */
  readonly runId: string;
  /** As `PreparedGuest` had it. */
  readonly bootId: string | undefined;
}

export type EndedBackup =
  | { readonly kind: 'ended'; readonly writers: readonly WriterStatus[] }
  | { readonly kind: 'lost' };

/** The VM of a guest, as far as it takes to reach it. */
export interface GuestVm {
  readonly name: string;
  /** In the network; undefined when none is known. */
  readonly address: string | undefined;
  /** In vCenter: guest operations need no other address. */
  readonly moRef?: MoRef;
}

/** Makes the guest of one VM and cleans up what a crashed run left in it. */
export interface Guests {
  /** Those that the settings of this VM leave open, the best first; none when there are no settings, or no address is known that they need. */
  waysFor(vm: GuestVm): readonly FreezeWay[];
  /** To be frozen in one of its ways; absent: the first. */
  open(vm: GuestVm, way?: Pick<FreezeWay, 'strategy' | 'hold'>): Guest;
  /**
   * Ends the session a crashed run left behind. Resolves when the guest writes for certain, which may be the longest time that a
   * hold can last after the session is gone. Success when there is none.
   */
  closeLeftover(vm: GuestVm, session: LeftoverSession, signal: AbortSignal): Promise<void>;
  /**
   * Tells the applications of a parked full backup how it ended: only after `success` they may drop logs. `lost`: the guest has none of
   * that name, as it was started anew, its hours are over, or it was ended before; its applications have taken it for failed unless they
   * were told before. Absent: its guests make no full backups.
   */
  endBackup?(
    vm: GuestVm,
    backup: ParkedBackup & { readonly success: boolean },
    signal: AbortSignal,
  ): Promise<EndedBackup>;
  /** Ends what guests share, such as a session of vCenter. Absent: they share nothing. Never throws. */
  close?(): Promise<void>;
}
