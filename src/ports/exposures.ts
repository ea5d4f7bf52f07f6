/** `fuse`: each disk is a read-only file. `nbd`: each is an export of an NBD server on one socket in the hand-over directory. */
export const EXPOSED_AS = ['fuse', 'nbd'] as const;
export type ExposedAs = (typeof EXPOSED_AS)[number];

/** Of the NBD server, in the hand-over directory. */
export const NBD_SOCKET_NAME = 'snaphook-nbd.sock';

export interface DiskToExpose {
  /** Of the file, relative to the hand-over directory, `/` separators; also the name of the NBD export. */
  readonly path: string;
  readonly devicePath: string;
  /** From the begin of the device; what comes after it is not shown. A multiple of 512. */
  readonly sizeBytes: number;
}

/** What was exposed or may have been. */
export interface ExposureToRelease {
  /** Given to `expose`. */
  readonly tag: string;
  readonly as: ExposedAs;
  readonly paths: readonly string[];
  /** Where the disks are or were seen: nothing of ours holds them afterwards. Undefined: whatever disks were exposed there. */
  readonly devicePaths: readonly string[] | undefined;
  /** False: the files are released only while a helper with the tag shows that they are its own. */
  readonly isOurs: boolean;
}

/** The process that answers reads. */
export interface ExposureHelper {
  readonly pid: number;
  /** When it started, in clock ticks since boot: tells it from a later process of its number. */
  readonly startTicks: string;
}

/**
 * Disks that are read where they lie, through a helper process that outlives this one. Whatever happens to helper or device, a reader
 * meets an error, and neither zeros nor an end of the file that is none.
 * Errors: `E_PROXY`, `E_PROXY_DEVICE`, `E_EXPORT`, and the signal's reason.
 */
export interface Exposures {
  /** Fails where no disk can be exposed, or, given paths, where something lies in the way of them. Changes nothing. */
  preflight(directory: string, as: ExposedAs, paths: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Starts one helper for all disks; when it returns, they can be read. `tag`: letters, digits and dashes, unlike that of any other
   * helper. Who is killed or fails in between leaves a helper, files and folders, which `release` finds.
   */
  expose(
    directory: string,
    exposure: { readonly tag: string; readonly as: ExposedAs; readonly disks: readonly DiskToExpose[] },
    signal: AbortSignal,
  ): Promise<ExposureHelper>;
  /**
   * Ends the helper and removes files, socket and empty folders; what is not there is success. Verified: when it returns, no helper with
   * the tag is there, and no loop device holds one of the devices. Returns the paths at which something else lies, or a helper's file that
   * nothing shows to be its own, which are left alone.
   * Errors: `E_PROXY` while somebody reads.
   */
  release(directory: string, exposure: ExposureToRelease, signal: AbortSignal): Promise<readonly string[]>;
}
