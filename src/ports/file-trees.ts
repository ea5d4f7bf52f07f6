export interface TreeEntry {
  /** Below what was asked for, for people: names that are no UTF-8 are not whole. Empty: that itself. */
  readonly path: string;
  /** `special`: a device, socket or pipe. It is never copied. */
  readonly kind: 'file' | 'folder' | 'link' | 'special';
  /** Of a file; 0 of others. */
  readonly sizeBytes: number;
}

export interface TreeSummary {
  readonly files: number;
  readonly folders: number;
  readonly links: number;
  readonly specials: number;
  /** Of all files. */
  readonly sizeBytes: number;
  /** The first ones. */
  readonly entries: readonly TreeEntry[];
}

/** A place on a mounted file system. */
export interface TreePlace {
  /** Absolute path of the mount. */
  readonly root: string;
  /** Names from the root down to the place; none: the root. */
  readonly names: readonly string[];
}

/**
 * Files of mounted file systems, and a folder of this account alone to work in. Links are never followed.
 * Errors: `E_RESTORE`, `E_PROXY`, `E_PROXY_SPACE`, and the signal's reason.
 */
export interface FileTrees {
  /** Fails unless `to` can be made, or is an empty folder of this account that nobody else may write to. Changes nothing. */
  checkDestination(to: string): Promise<void>;
  /** Makes the folder; fails where something has that name. */
  makeWorkFolder(folder: string): Promise<void>;
  /** What lies there. `E_RESTORE` where nothing does, or a link leads to it. */
  look(place: TreePlace, signal: AbortSignal): Promise<TreeSummary>;
  /**
   * Copies what lies there into the folder `into`, which it makes, under its last name; of a root what is in it. Modes, owners, times, holes
   * and hard links are kept.
   */
  copy(
    place: TreePlace,
    into: string,
    progress: (doneBytes: number) => void,
    signal: AbortSignal,
  ): Promise<TreeSummary>;
  /** Gives the folder `from` its last name: whole or not at all. `to` is not there, or empty. */
  publish(from: string, to: string): Promise<void>;
  /** Removes a folder that `makeWorkFolder` made, with what is in it. Success when it is gone; fails while something is mounted in it. */
  removeWorkFolder(folder: string): Promise<void>;
}
