/** One regular file handed to the backup product. */
export interface ImageFile {
  /** Relative to the hand-over directory, `/` separators. */
  readonly path: string;
  /** Logical size: the whole device. */
  readonly sizeBytes: number;
  /** Bytes that are not in holes. */
  readonly dataBytes: number;
  /** BLAKE2b-512 of the logical content in hex, what `b2sum` prints. */
  readonly blake2b: string;
}

export interface ImageRequest {
  readonly devicePath: string;
  /** Relative path of the image inside the hand-over directory. */
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Files made from devices. Everything is written under names that end in `.partial` and renamed when complete,
 * so a hand-over directory never shows half an image under its final name.
 * Errors: `E_PROXY_SPACE`, `E_EXPORT`.
 */
export interface Images {
  /**
   * Fails with `E_PROXY_SPACE` when the directory cannot take the bytes, `E_EXPORT` when it is not ours to write
   * or already holds one of the paths.
   */
  preflight(directory: string, paths: readonly string[], bytesNeeded: number, signal: AbortSignal): Promise<void>;
  write(
    directory: string,
    request: ImageRequest,
    progress: (doneBytes: number) => void,
    signal: AbortSignal,
  ): Promise<ImageFile>;
  writeManifest(directory: string, name: string, text: string): Promise<void>;
  /** Removes exactly these files, their `.partial` forms and folders that became empty; missing ones are success. */
  remove(directory: string, paths: readonly string[]): Promise<void>;
}
