import type { BlockDevice } from '../devices/block-device.ts';

/** A file SQLite can work on. */
export interface RandomAccessFile {
  readonly size: number;
  /** Fills `into`; bytes past the end are zero. Returns how many were really there. */
  read(into: Uint8Array, offset: number): number;
  write(data: Uint8Array, offset: number): void;
  truncate(size: number): void;
}

const HEADER_BYTES = 4096;
const MAGIC = 'SNAPHOOK-LAB-FILE-1\n';
const EXISTS_AT = 64;
const SIZE_AT = 72;

/**
 * One file that fills a whole device: a header block with magic, exists flag and size, then the content.
 * The header is the file system of the lab: it is written whenever the file is created, resized or deleted.
 */
export class DeviceFile implements RandomAccessFile {
  readonly #device: BlockDevice;
  #exists = false;
  #size = 0;

  constructor(device: BlockDevice) {
    this.#device = device;
    const header = device.read(0, HEADER_BYTES);
    if (header.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) return;
    this.#exists = header.readUInt32LE(EXISTS_AT) === 1;
    this.#size = Number(header.readBigUInt64LE(SIZE_AT));
  }

  get exists(): boolean {
    return this.#exists;
  }

  get size(): number {
    return this.#size;
  }

  create(): void {
    if (!this.#exists) this.#writeHeader(true, 0);
  }

  delete(): void {
    if (this.#exists) this.#writeHeader(false, 0);
  }

  read(into: Uint8Array, offset: number): number {
    const available = Math.max(0, Math.min(into.length, this.#size - offset));
    if (available > 0) into.set(this.#device.read(HEADER_BYTES + offset, available));
    into.fill(0, available);
    return available;
  }

  write(data: Uint8Array, offset: number): void {
    const end = offset + data.length;
    if (HEADER_BYTES + end > this.#device.sizeBytes) throw new Error('the device is full');
    this.#device.write(HEADER_BYTES + offset, data);
    if (end > this.#size) this.#writeHeader(true, end);
  }

  truncate(size: number): void {
    if (size < this.#size) this.#writeHeader(true, size);
  }

  #writeHeader(exists: boolean, size: number): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(MAGIC, 'latin1');
    header.writeUInt32LE(exists ? 1 : 0, EXISTS_AT);
    header.writeBigUInt64LE(BigInt(size), SIZE_AT);
    this.#device.write(0, header);
    this.#exists = exists;
    this.#size = size;
  }
}

/** SQLite's anonymous temporary files. */
export class MemoryFile implements RandomAccessFile {
  #content: Uint8Array = new Uint8Array(0);

  get size(): number {
    return this.#content.length;
  }

  read(into: Uint8Array, offset: number): number {
    const part = this.#content.subarray(offset, offset + into.length);
    into.set(part);
    into.fill(0, part.length);
    return part.length;
  }

  write(data: Uint8Array, offset: number): void {
    if (offset + data.length > this.#content.length) {
      const grown = new Uint8Array(offset + data.length);
      grown.set(this.#content);
      this.#content = grown;
    }
    this.#content.set(data, offset);
  }

  truncate(size: number): void {
    if (size < this.#content.length) this.#content = this.#content.slice(0, size);
  }
}
