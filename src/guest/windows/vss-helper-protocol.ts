/**
 * The line protocol between snaphook and the in-guest VSS helper (`snaphook-vss`), version 1.
 *
 * The helper is started with the one argument `serve`.
 * One JSON object a line, UTF-8, LF; the helper reads commands from stdin and writes events to stdout.
 * A whole conversation:
 *
 *   helper   {"event":"hello","protocol":1,"helper":"snaphook-vss 0.1.0","os":"...","bootId":"..."}
 *   client   {"command":"prepare","protocol":1,"set":"<run id>","disks":["6000c29..."],"backupType":"copy","holdMs":9000}
 *   helper   {"event":"prepared","writers":[...],"volumes":[...],"components":[...]}
 *   client   {"command":"freeze"}
 *   helper   {"event":"frozen","atMs":123.4,"freezeMs":12.5}          <- CommitSnapshots entered: writes of all volumes are held
 *   client   T                                                        <- ONE byte, 0x54, no line end: release now
 *   helper   {"event":"thawed","heldMs":40.1}                         or {"event":"expired","heldMs":9000}
 *   helper   {"event":"finished","result":"0x0004230A","writers":[...]}
 *   client   {"command":"complete","success":true}                    <- BackupComplete, SetBackupSucceeded
 *   helper   {"event":"completed","writers":[...]}
 *   client   {"command":"quit"}
 *
 * At any point the helper may answer {"event":"failed","phase":...,"result":...}: nothing is frozen (any more) then.
 * `{"command":"abort"}` calls AbortBackup in every phase and is answered by `aborted`. End of input means the client is gone:
 * release, abort, exit. After `frozen` the helper writes nothing, and reads nothing but the release byte, until it released or expired.
 * A release byte while nothing is held is ignored (so a client that does not know may always send it); `status` tells the phase.
 * Times ending in `Ms` are milliseconds of the guest's monotonic clock.
 */
export const VSS_HELPER_PROTOCOL = 1;

/** 0x54, `T`: thaw. */
export const RELEASE_BYTE = 0x54;

/** VSS limits a hold of writes in the kernel to 10 s; the helper lets go before that (Microsoft: IVssSoftwareSnapshotProvider::CommitSnapshots). */
export const MAX_HOLD_MS = 9000;

export type HelperCommand =
  | {
      readonly command: 'prepare';
      readonly protocol: number;
      readonly set: string;
      /** Serials of the captured disks; every fixed volume with an extent on one of them is part of the set. */
      readonly disks: readonly string[];
      readonly backupType: 'copy' | 'full';
      readonly holdMs: number;
    }
  | { readonly command: 'freeze' }
  | { readonly command: 'complete'; readonly success: boolean }
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

/** In which phase the helper is, or a failure happened. */
export type HelperPhase = 'idle' | 'prepare' | 'prepared' | 'freeze' | 'frozen' | 'thaw' | 'finished' | 'complete';

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
      /** Logical paths of the selected components. */
      readonly components: readonly string[];
    }
  | { readonly event: 'frozen'; readonly atMs: number; readonly freezeMs: number }
  | { readonly event: 'thawed'; readonly heldMs: number }
  | { readonly event: 'expired'; readonly heldMs: number }
  | { readonly event: 'finished'; readonly result: string; readonly writers: readonly HelperWriter[] }
  | { readonly event: 'completed'; readonly writers: readonly HelperWriter[] }
  | { readonly event: 'status'; readonly phase: HelperPhase }
  | { readonly event: 'aborted' }
  | {
      readonly event: 'failed';
      readonly phase: HelperPhase;
      /** HRESULT such as `0x80042306`. */
      readonly result: string;
      readonly message: string;
      readonly writers: readonly HelperWriter[];
    };
