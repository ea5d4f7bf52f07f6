import type { FileCache } from './file-cache.ts';
import type { KeptTracks } from './kept-tracks.ts';
import type { Emulation } from './store-contract.ts';
import type { TrackBitmap } from './track-bitmap.ts';

/** A device as the store holds it. Its own data is a sparse raw file of exactly the device's size. */
export interface Device {
  readonly id: string;
  readonly emulation: Emulation;
  cylinders: number;
  hostVisible: boolean;
  readonly files: FileCache;
  readonly rawPath: string;
  /** Tracks of the raw file that may hold something else than zeros. */
  readonly used: TrackBitmap;
  /** While linked and not materialised: tracks that are read from the raw file instead of the snapshot. */
  readonly own: TrackBitmap;
  /** Oldest first. */
  readonly snapshots: Snapshot[];
  link: Link | undefined;
  /** Modification time of the raw file when it was last searched for tracks written by a host; 0: never. */
  searchedAtMtimeMs: number;
}

/** One snapshot of one device. Several devices of one establish share the snap id, nothing else. */
export interface Snapshot {
  readonly source: Device;
  name: string;
  readonly snapId: number;
  readonly createdAtMs: number;
  readonly sizeTracks: number;
  /** Simulated durations from `createdAtMs`. */
  ttlMs: number | undefined;
  secureMs: number | undefined;
  restored: boolean;
  readonly kept: KeptTracks;
  readonly targets: Set<Device>;
}

export interface Link {
  readonly target: Device;
  readonly snapshot: Snapshot;
  copy: boolean;
  readonly linkedAtMs: number;
  /** How far the background copier got, in tracks from the start. */
  copiedTracks: number;
  modified: boolean;
  /** The raw file holds everything the target shows: hosts read it directly. */
  materialised: boolean;
  /** Modification time of the raw file when it was materialised: a later one tells that a host wrote. */
  materialisedMtimeMs: number;
}
