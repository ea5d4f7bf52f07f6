/** Of images that are made and removed with their run. */
export const FILE_FORMATS = ['raw', 'vmdk-flat', 'vmdk-stream', 'qcow2'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

export const IMAGE_FORMATS = [...FILE_FORMATS, 'bands'] as const;
/**
 * What the files of an image are. `raw`: one with the bytes of the device, holes for zeros. `vmdk-flat`: that and a descriptor
 * (monolithicFlat). `vmdk-stream`: one compressed VMDK (streamOptimized). `qcow2`: one, version 3. `bands`: a folder that stays
 * from run to run, see `Bands`.
 */
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

export interface ImageShape {
  /** Relative path of the image inside the hand-over directory, `/` separators. */
  readonly path: string;
  readonly format: ImageFormat;
  /** Logical size: the whole device. */
  readonly sizeBytes: number;
}

/** Every file an image of this shape consists of, the one of its path first. */
export function filesOfImage({ path, format, sizeBytes }: ImageShape): readonly HandedOverFile[] {
  switch (format) {
    case 'raw':
      return [{ path, sizeBytes }];
    case 'vmdk-flat':
      return [
        { path, sizeBytes: undefined },
        { path: path.replace(/(\.vmdk)?$/, '-flat.vmdk'), sizeBytes },
      ];
    case 'vmdk-stream':
    case 'qcow2':
      return [{ path, sizeBytes: undefined }];
    case 'bands':
      // No run removes them: the next one goes on with them.
      return [];
  }
}

/** What the files of an image may take at most, in bytes: data that cannot be compressed get longer, and tables come with them. */
export function mostBytesOf({ format, sizeBytes }: Pick<ImageShape, 'format' | 'sizeBytes'>): number {
  switch (format) {
    case 'raw':
    case 'vmdk-flat':
    case 'bands':
      return sizeBytes;
    case 'vmdk-stream':
      return Math.ceil(sizeBytes * (1 + 1 / 64)) + TABLES_BYTES;
    case 'qcow2':
      return Math.ceil(sizeBytes * (1 + 1 / 4096)) + TABLES_BYTES;
  }
}

/** Headers, and tables of which there is always one. */
const TABLES_BYTES = 1024 * 1024;

/** Leaves are this long where an image is not made of bands. */
export const LEAF_BYTES = 4 * 1024 * 1024;

/** No leaf of an image in a manifest is shorter, but a last one: each costs a question and an answer. */
export const LEAST_LEAF_BYTES = 64 * 1024;

/** No leaf, and no band, is longer: one of them is in memory at a time. */
export const MOST_LEAF_BYTES = 256 * 1024 * 1024;

/**
 * A hash of the logical content, whatever the format, that is not what `b2sum` prints of it: the content is cut into leaves of
 * `leafBytes`, the last one may be shorter, and `value` is the BLAKE2b-512 in hex of their BLAKE2b-512 digests, 64 bytes each, in a row.
 * Of bands the leaves are the bands. An empty content has no leaf.
 */
export interface ContentHash {
  readonly algorithm: 'blake2b-512-tree';
  readonly leafBytes: number;
  readonly value: string;
}

/** One image handed to the backup product. */
export interface ImageFile extends ImageShape {
  /** Bytes that are not in holes. */
  readonly dataBytes: number;
  readonly contentHash: ContentHash;
}

export interface ImageRequest extends ImageShape {
  readonly format: FileFormat;
  readonly devicePath: string;
}

/** A file as it was put into a hand-over directory. */
export interface HandedOverFile {
  /** Relative to the hand-over directory, `/` separators. */
  readonly path: string;
  /** Undefined where any size will do: of a manifest, or where it is not known before the file is written. */
  readonly sizeBytes: number | undefined;
}

/** A small file as it was written. */
export interface WrittenFile {
  /** Relative to the hand-over directory, `/` separators. */
  readonly path: string;
  readonly sizeBytes: number;
  /** BLAKE2b-512 of the file in hex. */
  readonly blake2b: string;
}

/** A small file that says whose the images beside it are. */
export interface ExportRecord {
  readonly name: string;
  /** Undefined: too large to be one, or not readable. */
  readonly text: string | undefined;
  /**
   * When the file system made the file, in milliseconds since 1970. Who copies a file back cannot choose it. Undefined where
   * the file system does not keep it.
   */
  readonly bornAtMs: number | undefined;
}

/**
 * Files made from devices. Everything is written under names that end in `.partial` and renamed when complete,
 * so a hand-over directory never shows half an image under its final name.
 * A device or directory that does not answer is not waited for once the signal aborts: the call rejects with its reason at once.
 * Errors: `E_PROXY_SPACE`, `E_EXPORT`, and the signal's reason.
 */
export interface Images {
  /**
   * Fails with `E_PROXY_SPACE` when the directory cannot take the bytes, `E_EXPORT` when it is not ours to write
   * or already holds one of the paths. It writes and removes an empty file named `draft`: who is killed in between leaves that.
   */
  preflight(
    directory: string,
    need: { readonly paths: readonly string[]; readonly draft: string; readonly bytesNeeded: number },
    signal: AbortSignal,
  ): Promise<void>;
  write(
    directory: string,
    request: ImageRequest,
    progress: (doneBytes: number) => void,
    signal: AbortSignal,
  ): Promise<ImageFile>;
  /** A small file beside the images, readable by its owner alone. One that is there already ends the run. */
  writeBeside(
    directory: string,
    file: { readonly path: string; readonly content: Uint8Array | string },
    signal: AbortSignal,
  ): Promise<WrittenFile>;
  /** Writes a small file whole: first under the name `draft`, then renamed, over an older one of its name if there is one. */
  writeRecord(
    directory: string,
    record: { readonly name: string; readonly draft: string; readonly text: string },
    signal: AbortSignal,
  ): Promise<void>;
  /** Regular files directly in the directory whose name begins so, by name; none when there is no such directory. */
  records(directory: string, namePrefix: string, signal: AbortSignal): Promise<readonly ExportRecord[]>;
  /** Those of these paths, and of their `.partial` forms, under which something lies: files, links, folders. Changes nothing. */
  existing(directory: string, paths: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Removes exactly these files, their `.partial` forms and folders that became empty; missing ones are success. A file of
   * another size (a `.partial` may be shorter), a link, or a path that a link leads elsewhere is left alone and told.
   */
  remove(directory: string, files: readonly HandedOverFile[], signal: AbortSignal): Promise<readonly LeftAlone[]>;
}

export interface LeftAlone {
  readonly path: string;
  readonly why: string;
}
