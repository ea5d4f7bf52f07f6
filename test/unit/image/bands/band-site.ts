import { cpSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { assembleBands } from '../../../../src/image/bands/assemble-bands.ts';
import { bandFolders } from '../../../../src/image/bands/bands.ts';
import { bandsContent, requireIndex } from '../../../../src/image/bands/read-bands.ts';
import type { BandOwner, BandRequest, StagedBands } from '../../../../src/ports/bands.ts';

export const BAND = 4096;
export const OWNER: BandOwner = { installation: 'proxy-1 vcenter-1', job: 'nightly' };
export const never = new AbortController().signal;
const ignore = () => undefined;

export const temporaryFolder = (): string => mkdtempSync(path.join(os.tmpdir(), 'snaphook-bands-'));

/** A disk of bands that each hold one number, zeros for 0; `tail` bytes follow. */
export function disk(numbers: readonly number[], tail = 0): Buffer {
  return Buffer.concat([...numbers.map((number) => Buffer.alloc(BAND, number)), Buffer.alloc(tail, 255)]);
}

/** Devices and the hand-over directory of a job. */
export class BandSite {
  readonly directory: string;
  readonly #devices = temporaryFolder();

  /** `like`: its directory begins as a copy of that one. */
  constructor(like?: BandSite) {
    this.directory = temporaryFolder();
    if (like) cpSync(like.directory, this.directory, { recursive: true, preserveTimestamps: true });
  }

  async stage(
    name: string,
    content: Buffer,
    run: string,
    owner = OWNER,
    more: Partial<Pick<BandRequest, 'point' | 'changed' | 'bandBytes'>> = {},
  ): Promise<StagedBands> {
    const devicePath = path.join(this.#devices, path.basename(name));
    writeFileSync(devicePath, content);
    return bandFolders.stage(
      this.directory,
      {
        devicePath,
        path: name,
        sizeBytes: content.length,
        bandBytes: BAND,
        owner,
        run: { id: run, snapshot: `snaphook-${run}` },
        ...more,
      },
      ignore,
      never,
    );
  }

  async commit(names: readonly string[], run: string): Promise<void> {
    const by = { owner: OWNER, run: { id: run, snapshot: `snaphook-${run}` } };
    await bandFolders.commit(this.directory, names, by, never);
  }

  /** A whole run. */
  async run(run: string, contents: Readonly<Record<string, Buffer>>): Promise<Readonly<Record<string, StagedBands>>> {
    const staged: Record<string, StagedBands> = {};
    for (const [name, content] of Object.entries(contents)) staged[name] = await this.stage(name, content, run);
    await this.commit(Object.keys(contents), run);
    return staged;
  }

  settle(names: readonly string[]) {
    return bandFolders.settle(this.directory, names, OWNER, never);
  }

  preflight(folders: Readonly<Record<string, number>>) {
    const wanted = Object.entries(folders).map(([name, sizeBytes]) => ({ path: name, sizeBytes }));
    return bandFolders.preflight(this.directory, wanted, OWNER, never);
  }

  async assembled(name: string): Promise<Buffer> {
    const image = path.join(temporaryFolder(), 'image');
    await assembleBands(path.join(this.directory, name), image, ignore, never);
    return readFileSync(image);
  }

  /** What the folder holds, and of which run that is. */
  async shown(name: string): Promise<{ readonly run: string; readonly content: Buffer }> {
    const index = await requireIndex(this.file(name));
    const content = Buffer.alloc(index.sizeBytes);
    await bandsContent(this.file(name), index).read(content, 0);
    return { run: index.run.id, content };
  }

  file(...names: readonly string[]): string {
    return path.join(this.directory, ...names);
  }

  /** Every file of a folder, by its relative path, with what a backup product compares. */
  files(
    name = '.',
  ): Readonly<Record<string, { readonly ino: number; readonly size: number; readonly mtimeMs: number }>> {
    const folder = this.file(name);
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
      (entry) => !entry.isDirectory(),
    );
    return Object.fromEntries(
      entries.map((entry) => {
        const file = path.join(entry.parentPath, entry.name);
        const { ino, size, mtimeMs } = statSync(file);
        return [path.relative(folder, file), { ino, size, mtimeMs }];
      }),
    );
  }
}
