/** A stored raw image, by what its manifest says of it. */
export interface StoredImage {
  /** Relative to the directory of the manifest, `/` separators. */
  readonly path: string;
  readonly sizeBytes: number;
  /** BLAKE2b-512 of the content in hex. */
  readonly blake2b: string;
}

/** Images as a backup product gave them back. Errors: `E_RESTORE`, `E_VERIFY`. */
export interface ImageSource {
  /** `E_RESTORE` for an image that is missing, has another size, or is no regular file. Reads no content. */
  check(directory: string, image: StoredImage, signal: AbortSignal): Promise<void>;
  /**
   * The image as a streamOptimized VMDK. The hash is taken while it is read: of an image that is not as its manifest says the end is
   * never sent, and the stream throws `E_VERIFY`.
   */
  streamVmdk(
    directory: string,
    image: StoredImage,
    progress: (readBytes: number) => void,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
}
