import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';

/** The array's unit of allocation, preservation and change: 128 KiB. */
export const TRACK_BYTES = 131072;
/** One FBA cylinder: 15 tracks, 1,966,080 bytes. */
export const CYLINDER_BYTES = 15 * TRACK_BYTES;

export type Emulation = 'FBA' | 'CKD';

/** `V3`: VMAX3, All Flash, PowerMax 2000/8000 (targets get defined). `V4`: PowerMax 2500/8500 (targets never do). */
export type ArrayGeneration = 'V3' | 'V4';

/** Why the array refused. The REST front maps these to its status codes and messages. */
export type StoreFailure =
  | 'no-such-device'
  | 'device-exists'
  | 'bad-device-id'
  | 'bad-size'
  | 'out-of-range'
  | 'read-only'
  | 'device-in-session'
  | 'no-devices'
  | 'device-twice'
  | 'no-such-snapshot'
  | 'bad-name'
  | 'bad-time'
  | 'max-snapshots'
  | 'max-targets'
  | 'snapshot-linked'
  | 'snapshot-secured'
  | 'already-target'
  | 'already-linked'
  | 'not-linked'
  | 'self-link'
  | 'target-too-small'
  | 'emulation-mismatch'
  | 'target-undefined'
  | 'copy-in-progress'
  | 'already-in-mode'
  | 'already-restored'
  | 'not-restored'
  | 'store-closed'
  | 'state-damaged';

/** The device, snapshot and target a refusal is about, as far as they are known. */
export interface FailureSubject {
  readonly device?: string;
  readonly snapshot?: string;
  readonly target?: string;
}

export class StoreError extends Error {
  readonly reason: StoreFailure;
  readonly device: string | undefined;
  readonly snapshot: string | undefined;
  readonly target: string | undefined;

  constructor(reason: StoreFailure, message: string, subject: FailureSubject = {}) {
    super(message);
    this.name = 'StoreError';
    this.reason = reason;
    this.device = subject.device;
    this.snapshot = subject.snapshot;
    this.target = subject.target;
  }
}

export interface DeviceInfo {
  /** Five upper-case hex digits, such as `002E8`. */
  readonly id: string;
  readonly cylinders: number;
  readonly tracks: number;
  readonly sizeBytes: number;
  readonly emulation: Emulation;
  /** It has at least one snapshot. */
  readonly isSource: boolean;
  /** It is linked to a snapshot. */
  readonly isTarget: boolean;
  /** Tracks the device itself occupies; what a linked target shows of its snapshot without owning it does not count. */
  readonly allocatedTracks: number;
  /** A host has it as a file: see `DeviceStore.setHostVisible`. */
  readonly hostVisible: boolean;
}

export type SnapshotState = 'Established' | 'Restored' | 'Failed';

export interface SnapshotInfo {
  readonly source: string;
  readonly name: string;
  /** 0 is the newest of this name on this source; renumbered whenever one of the name is added or terminated. */
  readonly generation: number;
  /** Unique on the array, stable, increasing, shared by all devices of one establish. */
  readonly snapId: number;
  readonly createdAt: Date;
  /** The time asked for; when the lab's pace is not 1 the array acts after the scaled duration. */
  readonly expiresAt?: Date;
  readonly secureUntil?: Date;
  /** The time to live is over; the snapshot still exists only because it is linked. */
  readonly expired: boolean;
  /** Protected from terminate right now. */
  readonly secured: boolean;
  readonly state: readonly SnapshotState[];
  readonly links: readonly LinkInfo[];
  /** Tracks this snapshot keeps because they were overwritten since. */
  readonly tracks: number;
  /** Size of the source when the snapshot was taken. */
  readonly sizeTracks: number;
}

export type LinkState = 'Linked' | 'CopyInProg' | 'Copied';

export interface LinkInfo {
  readonly target: string;
  readonly copy: boolean;
  readonly linkedAt: Date;
  /** V3: the background define is over. V4: always false. */
  readonly defined: boolean;
  readonly backgroundDefineInProgress: boolean;
  /** Whole per cent of the define, 0 on V4. */
  readonly definedPercent: number;
  /** Whole per cent, 0 for a link that was never in copy mode. */
  readonly percentageCopied: number;
  readonly state: LinkState;
  /** The target was written to since it was linked. */
  readonly modified: boolean;
}

export interface TargetLink {
  readonly source: string;
  readonly name: string;
  readonly snapId: number;
  readonly generation: number;
  readonly info: LinkInfo;
}

/** Consecutive allocated tracks. */
export interface TrackRun {
  readonly firstTrack: number;
  readonly tracks: number;
}

export type SnapshotSelect = { readonly snapId: number } | { readonly generation: number };

export interface LinkPair {
  readonly source: string;
  readonly target: string;
}

export interface CreateDeviceRequest {
  readonly id: string;
  readonly cylinders: number;
  readonly emulation?: Emulation;
}

export interface EstablishRequest {
  readonly name: string;
  readonly devices: readonly string[];
  /** Simulated milliseconds until the snapshot expires. */
  readonly ttlMs?: number;
  /** Simulated milliseconds until the snapshot may be terminated; it then expires by itself. */
  readonly secureMs?: number;
}

export interface LinkRequest {
  readonly name: string;
  readonly select: SnapshotSelect;
  readonly pairs: readonly LinkPair[];
  readonly copy: boolean;
}

export interface UnlinkRequest {
  readonly name: string;
  readonly select: SnapshotSelect;
  readonly pairs: readonly LinkPair[];
  readonly symforce: boolean;
}

export interface SnapshotRequest {
  readonly name: string;
  readonly select: SnapshotSelect;
  readonly devices: readonly string[];
}

export interface RenameRequest extends SnapshotRequest {
  readonly newName: string;
}

/** Duration from the creation of the snapshot, in simulated milliseconds; without it the limit is taken away. */
export interface TimeToLiveRequest extends SnapshotRequest {
  readonly ttlMs?: number;
}

/** Duration from the creation of the snapshot, in simulated milliseconds. It can be prolonged, never shortened. */
export interface SecureRequest extends SnapshotRequest {
  readonly secureMs: number;
}

export interface TerminateRequest extends SnapshotRequest {
  /** End the restore session and leave the snapshot; refused when there is no restore session. */
  readonly restoreSessionOnly?: boolean;
}

export interface DeviceStoreOptions {
  /** Scales define, copy and expiry; with factor 0 the first two take no time, and expiry runs in real time. */
  readonly pace: Pace;
  readonly events: EventLog;
  readonly generation: ArrayGeneration;
  /** Default 1024, the limit from microcode 5978.669 on; who knows an older microcode has to ask for 256. */
  readonly maxSnapshotsPerSource?: number;
  /** Default 1024. */
  readonly maxTargetsPerSource?: number;
  /** V3: simulated milliseconds any define takes at least; default 2000. Infinity: it never ends. */
  readonly defineMs?: number;
  /** V3: on top of `defineMs`, proportional to the size of the source; default 8192 (1 GiB a second). */
  readonly defineTracksPerSecond?: number;
  /** Speed of one copy link in simulated time; default 4096 (512 MiB a second). */
  readonly copyTracksPerSecond?: number;
  readonly clock?: () => Date;
}
