import type { ByteRange } from './byte-range.ts';
import type { ContentHash, LeftAlone } from './images.ts';

/** Whose a folder of bands is. The folder stays from run to run, so it is a job's. */
export interface BandOwner {
  /** What names this installation, as people read it. */
  readonly installation: string;
  readonly job: string;
}

/** The run whose snapshot the bands show. */
export interface BandRun {
  readonly id: string;
  readonly snapshot: string;
}

/** The folder of one image. */
export interface BandFolder {
  /** Relative to the hand-over directory, `/` separators. */
  readonly path: string;
  /** Logical size: the whole device. */
  readonly sizeBytes: number;
}

/** What the hypervisor's tracking of changes calls the point in time that a disk was read at. */
export interface TrackedPoint {
  /** Which disk of which VM it is, and where it lies. A point says nothing of any other disk. */
  readonly disk: string;
  /** As vSphere has it in the disk's backing. */
  readonly changeId: string;
}

/** What a folder holds now: the last commit. */
export interface CommittedBands {
  readonly run: BandRun;
  readonly sizeBytes: number;
  readonly bandBytes: number;
  /** Undefined: changes since then cannot be asked for. */
  readonly point: TrackedPoint | undefined;
}

/** All that may differ from the bands of a run. */
export interface ChangedRegions {
  /** Id of the run whose bands they are compared with. */
  readonly sinceRun: string;
  readonly ranges: readonly ByteRange[];
}

export const REGION_FINDERS = ['hashes', 'cbt'] as const;
/** `hashes`: everything is read and compared. `cbt`: nothing is read but what vSphere's changed block tracking names. */
export type RegionFinder = (typeof REGION_FINDERS)[number];

export interface BandRequest extends BandFolder {
  readonly devicePath: string;
  /** Length of every band but the last. */
  readonly bandBytes: number;
  readonly owner: BandOwner;
  readonly run: BandRun;
  /** Of the content of the device; kept with the bands. */
  readonly point?: TrackedPoint | undefined;
  /** Whatever of the device lies outside is not read. Absent, or of a run whose bands are not there any more: all is read. */
  readonly changed?: ChangedRegions | undefined;
}

/** What a folder holds once it is committed. */
export interface StagedBands {
  /** Of the bands that are there; those of zeros alone are not. */
  readonly dataBytes: number;
  /** Its leaves are the bands. */
  readonly contentHash: ContentHash;
  readonly bandBytes: number;
  /** Bands that are written anew, and their bytes. */
  readonly changedBands: number;
  readonly changedBytes: number;
  /** How they were found. */
  readonly changedRegions: RegionFinder;
}

/**
 * Disks as folders of bands, each a file of `bandBytes`, in a hand-over directory. A folder stays from run to run: bands that did not
 * change keep inode, size and time of change, so that a backup product that compares files moves the others only.
 * New bands are staged beside the old ones, for all images of a run, and take their places by one commit: whoever dies before it leaves
 * the bands of the run before, whoever dies after it leaves a commit that `settle` finishes. A folder has an index only while its bands
 * are those of one snapshot.
 * A call rejects with the signal's reason as soon as it aborts, as those of `Images` do; a commit that has begun goes on all the same.
 * Errors: `E_PROXY_SPACE`, `E_EXPORT`, and the signal's reason.
 */
export interface Bands {
  /**
   * Finishes or discards what a dead run of the owner left in these folders, and tells how many bytes the run may need beside the
   * bands that are there. Fails with `E_EXPORT` where a folder is somebody else's, or something else lies where a band belongs.
   */
  preflight(
    directory: string,
    folders: readonly BandFolder[],
    owner: BandOwner,
    signal: AbortSignal,
  ): Promise<{ readonly bytesNeeded: number }>;
  /** Undefined where the folder is not the owner's, or holds no whole disk. */
  committed(
    directory: string,
    path: string,
    owner: BandOwner,
    signal: AbortSignal,
  ): Promise<CommittedBands | undefined>;
  /**
   * Writes the bands that differ from those in the folder beside them. Of a band outside of the changed regions the index is believed;
   * one whose file does not show the size and time of the index is read all the same.
   */
  stage(
    directory: string,
    request: BandRequest,
    progress: (doneBytes: number) => void,
    signal: AbortSignal,
  ): Promise<StagedBands>;
  /** Puts the staged bands of all these folders into their places. */
  commit(
    directory: string,
    paths: readonly string[],
    by: { readonly owner: BandOwner; readonly run: BandRun },
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Finishes a commit that has begun; else discards what is staged. The bands stay. A folder that never got any is removed.
   * Returns what lies in the folders and is nobody's that is known: it is left alone.
   */
  settle(
    directory: string,
    paths: readonly string[],
    owner: BandOwner,
    signal: AbortSignal,
  ): Promise<readonly LeftAlone[]>;
}
