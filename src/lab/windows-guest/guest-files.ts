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
  readonly #folders = new Map<string, string>();
  /** Files that a program writes; others may read them, and not remove them. */
  readonly #open = new Set<string>();
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

  /** Made with its parents; those of files are there without that. */
  makeFolder(path: string): void {
    this.#requireRights(path);
    this.#folders.set(path.toLowerCase(), path);
  }

  isFolder(path: string): boolean {
    return this.#folders.has(path.toLowerCase()) || this.below(path).length > 0;
  }

  /** Paths of files and folders. */
  below(folder: string): readonly string[] {
    const start = `${folder.toLowerCase()}\\`;
    return [...this.paths(), ...this.#folders.values()].filter((path) => path.toLowerCase().startsWith(start));
  }

  removeFolder(path: string): void {
    const all = this.below(path).filter((one) => this.read(one));
    for (const file of all) this.#requireClosed(file);
    for (const file of all) this.remove(file);
    for (const folder of [path, ...this.below(path)]) this.#folders.delete(folder.toLowerCase());
  }

  /** A new and empty file that is open until it is closed by what this returns. */
  open(path: string): () => void {
    const folder = path.slice(0, path.lastIndexOf('\\'));
    if (!this.isFolder(folder)) throw new FileRefusal('80070003', `Could not find a part of the path '${path}'.`);
    this.write(path, Buffer.alloc(0));
    this.#open.add(path.toLowerCase());
    return () => void this.#open.delete(path.toLowerCase());
  }

  append(path: string, data: Buffer): void {
    this.write(path, Buffer.concat([this.read(path) ?? Buffer.alloc(0), data]));
  }

  write(path: string, content: Buffer): void {
    this.#requireRights(path);
    const old = this.read(path)?.length ?? 0;
    // The new file is written before the old one goes.
    if (content.length > this.freeBytes) throw new FileRefusal('80070070', 'There is not enough space on the disk.');
    this.freeBytes += old - content.length;
    this.#files.set(path.toLowerCase(), { path, content, madeAt: this.madeAt(path) ?? new Date() });
  }

  remove(path: string): void {
    this.#requireRights(path);
    this.#requireClosed(path);
    this.freeBytes += this.read(path)?.length ?? 0;
    this.#files.delete(path.toLowerCase());
  }

  #requireRights(path: string): void {
    if (!this.isWritable) throw new FileRefusal('80070005', `Access to the path '${path}' is denied.`);
  }

  #requireClosed(path: string): void {
    if (!this.#open.has(path.toLowerCase())) return;
    throw new FileRefusal(
      '80070020',
      `The process cannot access the file '${path}': it is being used by another process.`,
    );
  }
}
