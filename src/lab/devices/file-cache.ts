import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';

/**
 * Synchronous file access by path with a bounded number of open descriptors: an estate of 4,000 devices has more files
 * than a process may open. The least recently used descriptor is closed first.
 */
export class FileCache {
  readonly #descriptors = new Map<string, number>();
  readonly #limit: number;
  #latest = '';
  #latestDescriptor = -1;

  constructor(limit = 256) {
    this.#limit = limit;
  }

  /** Fills `into` from the file; what lies beyond its end reads as zeros. */
  read(path: string, offsetBytes: number, into: Uint8Array): void {
    const descriptor = this.#descriptor(path);
    let done = 0;
    while (done < into.length) {
      const bytes = readSync(descriptor, into, done, into.length - done, offsetBytes + done);
      if (bytes === 0) break;
      done += bytes;
    }
    into.fill(0, done);
  }

  /** Creates the file when there is none. */
  write(path: string, offsetBytes: number, data: Uint8Array): void {
    const descriptor = this.#descriptor(path);
    for (let done = 0; done < data.length; ) {
      done += writeSync(descriptor, data, done, data.length - done, offsetBytes + done);
    }
  }

  /** Sets the size; a file that grows stays sparse. */
  truncate(path: string, sizeBytes: number): void {
    ftruncateSync(this.#descriptor(path), sizeBytes);
  }

  /** The whole file, empty when there is none. */
  readAll(path: string): Uint8Array {
    return existsSync(path) ? readFileSync(path) : new Uint8Array();
  }

  remove(path: string): void {
    this.#close(path);
    rmSync(path, { force: true });
  }

  close(): void {
    for (const path of [...this.#descriptors.keys()]) this.#close(path);
  }

  #descriptor(path: string): number {
    if (path === this.#latest) return this.#latestDescriptor;
    let descriptor = this.#descriptors.get(path);
    if (descriptor === undefined) {
      if (this.#descriptors.size >= this.#limit) this.#closeLeastRecent();
      descriptor = openExistingOrNew(path);
    } else {
      this.#descriptors.delete(path);
    }
    this.#descriptors.set(path, descriptor);
    this.#latest = path;
    this.#latestDescriptor = descriptor;
    return descriptor;
  }

  #closeLeastRecent(): void {
    for (const path of this.#descriptors.keys()) {
      this.#close(path);
      return;
    }
  }

  #close(path: string): void {
    const descriptor = this.#descriptors.get(path);
    if (descriptor === undefined) return;
    this.#descriptors.delete(path);
    if (path === this.#latest) this.#latest = '';
    closeSync(descriptor);
  }
}

function openExistingOrNew(path: string): number {
  return existsSync(path) ? openSync(path, 'r+') : openSync(path, 'w+');
}
