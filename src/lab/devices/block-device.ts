/** A device as its user sees it: synchronous, so that the order of writes over several devices is exact. */
export interface BlockDevice {
  readonly sizeBytes: number;
  read(offsetBytes: number, lengthBytes: number): Buffer;
  write(offsetBytes: number, data: Uint8Array): void;
}
