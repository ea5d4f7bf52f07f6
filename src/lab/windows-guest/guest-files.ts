/** Why Windows refuses to write a file: HRESULT and words. */
export class FileRefusal extends Error {
  readonly hresult: string;

  constructor(hresult: string, words: string) {
    super(words);
    this.hresult = hresult;
  }
}

/** Files on the guest's system volume, as far as programs of the lab look at them. Upper and lower case are the same. */
export class GuestFiles {
  readonly #files = new Map<string, { readonly path: string; readonly content: Buffer; readonly madeAt: Date }>();
  /** Of the volume; a file that does not fit is not written. */
  freeBytes = 1024 ** 3;
  /** May the account write at all? */
  isWritable = true;

  read(path: string): Buffer | undefined {
    return this.#files.get(path.toLowerCase())?.content;
  }

  madeAt(path: string): Date | undefined {
    return this.#files.get(path.toLowerCase())?.madeAt;
  }

  /** Paths as they were written. */
  paths(): readonly string[] {
    return [...this.#files.values()].map(({ path }) => path);
  }

  write(path: string, content: Buffer): void {
    if (!this.isWritable) throw new FileRefusal('80070005', `Access to the path '${path}' is denied.`);
    const old = this.read(path)?.length ?? 0;
    // The new file is written before the old one goes.
    if (content.length > this.freeBytes) throw new FileRefusal('80070070', 'There is not enough space on the disk.');
    this.freeBytes += old - content.length;
    this.#files.set(path.toLowerCase(), { path, content, madeAt: this.madeAt(path) ?? new Date() });
  }

  remove(path: string): void {
    if (!this.isWritable) throw new FileRefusal('80070005', `Access to the path '${path}' is denied.`);
    this.freeBytes += this.read(path)?.length ?? 0;
    this.#files.delete(path.toLowerCase());
  }
}
