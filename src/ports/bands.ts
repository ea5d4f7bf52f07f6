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

export interface BandRequest extends BandFolder {
  readonly devicePath: string;
  /** Length of every band but the last. */
  readonly bandBytes: number;
  readonly owner: BandOwner;
  readonly run: BandRun;
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
  /** Writes the bands that differ from those in the folder beside them. */
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
