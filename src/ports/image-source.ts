import type { ContentHash, ImageShape, WrittenFile } from './images.ts';

/** A stored image, by what its manifest says of it. */
export interface StoredImage extends ImageShape {
  readonly contentHash: ContentHash;
}

/** Images as a backup product gave them back. Errors: `E_VERIFY`. */
export interface ImageSource {
  /** Is the image there, of its format and size? Reads no content. */
  check(directory: string, image: StoredImage, signal: AbortSignal): Promise<void>;
  /** A small file beside the images, whole, when it is as its manifest says. */
  readBeside(directory: string, file: WrittenFile, signal: AbortSignal): Promise<Uint8Array>;
  /**
   * The content as a streamOptimized VMDK. The hash is taken while it is read: of an image that is not as its manifest says the end is
   * never sent, and the stream throws `E_VERIFY`.
   */
  streamVmdk(
    directory: string,
    image: StoredImage,
    progress: (readBytes: number) => void,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  /**
   * Makes the content a raw file with holes for zeros, which must not be there: a disk that may be written, while the image stays as it is.
   * The hash is taken on the way. A file that is not whole stays. Errors: `E_VERIFY`, `E_PROXY_SPACE`, `E_EXPORT`.
   */
  writeRaw(
    directory: string,
    image: StoredImage,
    file: string,
    progress: (readBytes: number) => void,
    signal: AbortSignal,
  ): Promise<void>;
}
