import type { HelperScript } from '../script-protocol.ts';

/**
 * The line protocol between snaphook and the in-guest VSS helper (`snaphook-vss`), version 3.
 *
 * The helper is started with the one argument `serve`.
 * One JSON object a line, UTF-8, LF; the helper reads commands from stdin and writes events to stdout.
 * A whole conversation:
 *
 *   helper   {"event":"hello","protocol":3,"helper":"snaphook-vss 0.2.0","os":"...","bootId":"..."}
 *   client   {"command":"prepare","protocol":3,"set":"<run id>","disks":["6000c29..."],"backupType":"copy","mode":"commit",
 *             "holdMs":9000,"excludedWriters":[],"bootableState":true}
 *   helper   {"event":"prepared","writers":[...],"volumes":[...],"components":[...],"excludedComponents":[...],"hasPrograms":true}
 *   client   {"command":"quiesce","scriptMs":30000,"lifeMs":120000}   <- may be left out: then no script and no plug-in is run
 *   helper   {"event":"quiesced","scripts":[{"kind":"script","name":"10-db.cmd","phase":"freeze","exitCode":0,"output":"quiet db\n"}]}
 *   client   {"command":"freeze"}
 *   helper   {"event":"frozen","atMs":123.4,"freezeMs":12.5}          <- the provider holds: see `mode`
 *   client   T                                                        <- ONE byte, 0x54, no line end: release now
 *   helper   {"event":"thawed","heldMs":40.1}                         or {"event":"expired","heldMs":9000}
 *   helper   {"event":"finished","result":"0x0004230A","writers":[...],"events":[...],
 *             "scripts":[{"kind":"script","name":"10-db.cmd","phase":"thaw","exitCode":0,"output":""}]}
 *   client   {"command":"complete","success":true}                    <- SetBackupSucceeded, BackupComplete
 *   helper   {"event":"completed","writers":[...]}
 *   client   {"command":"quit"}
 *
 * After `finished` a set of type `full` may be left to the resident requestor, to be completed by another process later:
 *
 *   client   {"command":"park","hours":48}                            -> {"event":"parked"}
 *   ...
 *   client   {"command":"resume","set":"<run id>"}                    -> {"event":"resumed","phase":"finished","writers":[...]}
 *   client   {"command":"complete","success":true}                    -> {"event":"completed","writers":[...]}
 *
 * `quiesce` runs the scripts and plug-ins of the guest's administrator (docs/application-plug-ins.md), which lie in `scripts.d` and
 * `plug-ins.d` beside the helper: first the scripts, then the plug-ins, each in the order of the names' bytes. They are run by the
 * resident service, so they outlive this process; when its connection to this process breaks, it lets the applications go on (`freezeFail`).
 * A script that fails or is late fails the whole: `failed`, the set is aborted, and all that were told `freeze` are told `freezeFail`.
 * A plug-in that fails does not. When no `freeze` has come `lifeMs` after `quiesced`, the applications go on by themselves, and a later
 * `freeze` is `failed`. Once the set is made, before `finished`, the helper lets them go on, plug-ins first, all in reverse order: `thaw` when
 * the release byte ended the hold and DoSnapshotSet succeeded, else `freezeFail`.
 * `abort`, `quit`, end of input and every `failed` are `freezeFail`, too: `aborted` and `failed` are told when all have ended.
 *
 * At any point the helper may answer {"event":"failed","phase":...,"result":...}: nothing is frozen (any more) then.
 * `{"command":"abort"}` calls AbortBackup in every phase and is answered by `aborted`. End of input means the client is gone:
 * release, abort, exit; but a set that is parked, or was resumed, stays with the resident requestor. After `frozen` the helper writes
 * nothing, and reads nothing but the release byte, until it released or expired.
 * A release byte while nothing is held is ignored (so a client that does not know may always send it); `status` tells the phase.
 * Times ending in `Ms` are milliseconds of the guest's monotonic clock.
 */
export const VSS_HELPER_PROTOCOL = 3;

/** 0x54, `T`: thaw. */
export const RELEASE_BYTE = 0x54;

/** Where the provider holds: in CommitSnapshots, or in PreCommitSnapshots after it flushed every volume. */
export type HoldMode = 'commit' | 'precommit';

/** VSS_BACKUP_TYPE by name. */
export type BackupType = 'copy' | 'full';

/**
 * The longest hold, in milliseconds. VSS limits a hold of writes in the kernel to 10 s, and the time that writers stay frozen to 60 s; the
 * helper lets go before that (Microsoft: "Shadow Copy Creation for Providers").
 */
export const MAX_HOLD_MS: Readonly<Record<HoldMode, number>> = { commit: 9000, precommit: 55_000 };

/** Exchange's writer stays frozen for 20 s only, so the helper holds no longer than this where it is selected. */
export const MAX_EXCHANGE_HOLD_MS = 18_000;
/** VSS writer class id of "Microsoft Exchange Writer". */
export const EXCHANGE_WRITER_ID = '76fe1ac4-15f7-4bcd-987e-8e1acb462fb7';

/** How long a parked set may wait for its end, in hours. */
export const MAX_PARK_HOURS = 168;
/** Writers' sessions are limited, so no more sets than these are parked in one guest. */
export const MAX_PARKED_SETS = 8;

/** The longest time for scripts and plug-ins of one phase together, in milliseconds. */
export const MAX_SCRIPT_MS = 300_000;
/** The longest time that applications wait for a freeze, in milliseconds. */
export const MAX_LIFE_MS = 3_600_000;
/** How much longer than `lifeMs` and the hold together a plug-in is told to hold: writers may stay frozen for so long after the hold. */
export const LEASE_SPARE_MS = 60_000;

export type HelperCommand =
  | {
      readonly command: 'prepare';
      readonly protocol: number;
      readonly set: string;
      /** Serials of the captured disks; every fixed volume with an extent on one of them is part of the set. */
      readonly disks: readonly string[];
      readonly backupType: BackupType;
      readonly mode: HoldMode;
      readonly holdMs: number;
      /** Class ids, in lower case without braces: no component of these writers is selected. */
      readonly excludedWriters: readonly string[];
      /** Whether SetBackupState says that the bootable system state is part of the backup. */
      readonly bootableState: boolean;
    }
  | {
      readonly command: 'quiesce';
      /** For all scripts and plug-ins of one phase together: more than 0, at most `MAX_SCRIPT_MS`. */
      readonly scriptMs: number;
      /** From `quiesced` until `freeze` must have come: more than 0, at most `MAX_LIFE_MS`. */
      readonly lifeMs: number;
    }
  | { readonly command: 'freeze' }
  | { readonly command: 'complete'; readonly success: boolean }
  | { readonly command: 'park'; readonly hours: number }
  | { readonly command: 'resume'; readonly set: string }
  | { readonly command: 'selftest' }
  | { readonly command: 'status' }
  | { readonly command: 'abort' }
  | { readonly command: 'quit' };

export interface HelperWriter {
  readonly id: string;
  readonly name: string;
  readonly instance: string;
  /** VSS_WRITER_STATE. */
  readonly state: number;
  /** `0x00000000` or the writer's failure. */
  readonly result: string;
  /** Has a selected component on a volume of the set. */
  readonly selected: boolean;
}

export interface HelperVolume {
  /** `\\?\Volume{guid}\`. */
  readonly volume: string;
  /** Drive letter or mount folder, such as `D:\`; empty when it has none. */
  readonly mountPoint: string;
  readonly fileSystem: string;
  readonly disks: readonly string[];
}

/** A component that was not selected because it has files on a volume outside the set. */
export interface HelperExcludedComponent {
  /** Class id of its writer. */
  readonly writer: string;
  /** Logical path. */
  readonly component: string;
  /** The volume that is missing, or words. */
  readonly reason: string;
}

/** One entry of the guest's event logs: Application (source VSS) or System (source Volsnap). */
export interface HelperLogEntry {
  readonly source: string;
  readonly id: number;
  readonly level: 'error' | 'warning' | 'information';
  /** ISO 8601, by the guest's clock. */
  readonly at: string;
  readonly text: string;
}

/** What can be found out about a guest without freezing an application. */
export interface HelperCheck {
  readonly name:
    | 'os'
    | 'rights'
    | 'provider-registered'
    | 'provider-loads'
    | 'com-security'
    | 'writers'
    | 'volumes'
    | 'hold'
    | 'service';
  readonly ok: boolean;
  readonly detail: string;
}

/** In which phase the helper is, or a failure happened. `quiesce`: scripts and plug-ins are at work; `quiet`: they are through. */
export type HelperPhase =
  | 'idle'
  | 'prepare'
  | 'prepared'
  | 'quiesce'
  | 'quiet'
  | 'freeze'
  | 'frozen'
  | 'thaw'
  | 'finished'
  | 'complete';

export type HelperEvent =
  | {
      readonly event: 'hello';
      readonly protocol: number;
      readonly helper: string;
      readonly os: string;
      readonly bootId: string;
    }
  | {
      readonly event: 'prepared';
      readonly writers: readonly HelperWriter[];
      readonly volumes: readonly HelperVolume[];
      /** Fixed volumes on the captured disks without a file system that Windows can read. Absent: a helper that does not tell. */
      readonly notHeld?: readonly string[] | undefined;
      /** Logical paths of the selected components. */
      readonly components: readonly string[];
      readonly excludedComponents: readonly HelperExcludedComponent[];
      /** Something lies in `scripts.d` or `plug-ins.d`, or that could not be found out. Without it `quiesce` has nothing to do. */
      readonly hasPrograms: boolean;
    }
  | { readonly event: 'quiesced'; readonly scripts: readonly HelperScript[] }
  | { readonly event: 'frozen'; readonly atMs: number; readonly freezeMs: number }
  | { readonly event: 'thawed'; readonly heldMs: number }
  | { readonly event: 'expired'; readonly heldMs: number }
  | {
      readonly event: 'finished';
      readonly result: string;
      readonly writers: readonly HelperWriter[];
      /** The newest entries since `prepare`, at most 20, oldest first. */
      readonly events: readonly HelperLogEntry[];
      /** Those that were told the end; empty when none was told `freeze`. */
      readonly scripts: readonly HelperScript[];
    }
  | { readonly event: 'completed'; readonly writers: readonly HelperWriter[] }
  | { readonly event: 'parked' }
  | { readonly event: 'resumed'; readonly phase: 'finished'; readonly writers: readonly HelperWriter[] }
  | { readonly event: 'selftest'; readonly checks: readonly HelperCheck[] }
  | { readonly event: 'status'; readonly phase: HelperPhase }
  | { readonly event: 'aborted' }
  | {
      readonly event: 'failed';
      readonly phase: HelperPhase;
      /** HRESULT such as `0x80042306`. */
      readonly result: string;
      readonly message: string;
      readonly writers: readonly HelperWriter[];
      /** As in `finished`; empty when there are none, or nothing was prepared. */
      readonly events: readonly HelperLogEntry[];
      /** Those that were told `freeze` by what failed, and those that were told the end, in that order. */
      readonly scripts: readonly HelperScript[];
    };
