/** A stretch of a disk. */
export interface ByteRange {
  readonly startBytes: number;
  readonly lengthBytes: number;
}
