import { lstat, mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from '../../platform/sync-folder.ts';
import type { BandRequest, StagedBands } from '../../ports/bands.ts';
import { openDevice } from '../device-content.ts';
import { writeFull } from '../file-io.ts';
import { leavesOf } from '../leaves.ts';
import { TreeHash } from '../tree-hash.ts';
import { claimFolder, contentOf, type FolderContent, indexOf, requireRoom, writeWhole } from './band-folder.ts';
import { type BandEntry, type BandIndex, indexText } from './band-index.ts';
import { bandCount, bandLength, bandPath, CHANGED_NAME, INDEX_NAME, STAGING_NAME } from './band-layout.ts';
import { discardStaged } from './commit-bands.ts';
import { unreadBands } from './unread-bands.ts';

/** Files whose data are waited for at once: a disk writes many as fast as one. */
const SYNCED_AT_ONCE = 16;

/** Does what changes the folder, unless the signal has aborted, and never while another such work goes on. */
export type Turn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** Reads the device, but for what is known to be unchanged, and writes every band that the folder does not have as it is. No commit is under way. */
export async function stageBands(
  directory: string,
  request: BandRequest,
  progress: (doneBytes: number) => void,
  { turn, signal }: { readonly turn: Turn; readonly signal: AbortSignal },
): Promise<StagedBands> {
  const folder = await turn(() => beginStaging(directory, request));
  const staging = path.join(folder, STAGING_NAME);
  const before = await indexOf(folder);
  const there = await contentOf(folder);
  requireRoom(folder, there);
  const hash = new TreeHash(request.bandBytes);
  const kept = new Map<number, BandEntry>();
  const staged = new Map<number, string>();
  const shards = new Set<string>();
  const unread = await unreadBands(folder, request, before, there);
  const count = bandCount(request);
  const only = unread && Array.from({ length: count }, (_, band) => band).filter((band) => !unread.has(band));
  let dataBytes = 0;
  let changedBytes = 0;
  let next = 0;
  const keepUntil = (end: number): void => {
    for (; next < end; next += 1) {
      const known = unread?.get(next);
      if (!known) throw new TypeError('a band was neither read nor known');
      hash.add(known.blake2b);
      if (!known.entry) continue;
      kept.set(next, known.entry);
      dataBytes += bandLength(request, next);
    }
  };
  const device = await openDevice(request.devicePath, request.sizeBytes);
  try {
    for await (const leaf of leavesOf(device, request.bandBytes, signal, { only })) {
      const { positionBytes, content, blake2b, stretches } = leaf;
      const band = positionBytes / request.bandBytes;
      keepUntil(band);
      next = band + 1;
      hash.add(blake2b);
      if (stretches.length > 0) {
        dataBytes += content.length;
        const mtimeMs = await sameThere(folder, band, { content, blake2b, before, there });
        if (mtimeMs !== undefined) kept.set(band, { mtimeMs, blake2b });
        else {
          await turn(() => writeBand(staging, band, content, shards));
          staged.set(band, blake2b);
          changedBytes += content.length;
        }
      }
      progress(positionBytes + content.length);
    }
    keepUntil(count);
  } finally {
    await device.file.close();
  }
  const contentHash = hash.end();
  const { run, point, sizeBytes, bandBytes } = request;
  const index = { run, previousRun: before?.run.id, point, sizeBytes, bandBytes, contentHash };
  await turn(() => endStaging(staging, { index, kept, staged, shards }));
  const changedRegions = unread ? 'cbt' : 'hashes';
  return { dataBytes, contentHash, bandBytes, changedBands: staged.size, changedBytes, changedRegions };
}

async function beginStaging(directory: string, { path: relative, owner }: BandRequest): Promise<string> {
  const folder = await claimFolder(directory, relative, owner);
  await discardStaged(folder);
  await mkdir(path.join(folder, STAGING_NAME));
  return folder;
}

interface Wanted {
  readonly content: Buffer;
  readonly blake2b: string;
  readonly before: BandIndex | undefined;
  readonly there: FolderContent;
}

/**
 * When the file of the band that is there was changed last, if it has this content already; undefined: it has not. The index is believed
 * as long as the file shows the time that the index has; any other file is read.
 */
async function sameThere(
  folder: string,
  band: number,
  { content, blake2b, before, there }: Wanted,
): Promise<number | undefined> {
  if (!there.bands.has(band)) return undefined;
  const file = path.join(folder, bandPath(band));
  const { size, mtimeMs } = await lstat(file);
  if (size !== content.length) return undefined;
  const known = before?.bands.get(band);
  const isSame = known?.mtimeMs === mtimeMs ? known.blake2b === blake2b : content.equals(await readFile(file));
  return isSame ? mtimeMs : undefined;
}

async function writeBand(staging: string, band: number, content: Buffer, shards: Set<string>): Promise<void> {
  const file = path.join(staging, bandPath(band));
  const shard = path.dirname(file);
  if (!shards.has(shard)) await mkdir(shard);
  shards.add(shard);
  const handle = await open(file, 'wx', 0o600);
  try {
    await writeFull(handle, content, 0);
  } finally {
    await handle.close();
  }
}

interface Staged {
  readonly index: Omit<BandIndex, 'bands'>;
  readonly kept: ReadonlyMap<number, BandEntry>;
  readonly staged: ReadonlyMap<number, string>;
  readonly shards: ReadonlySet<string>;
}

/** Everything is on stable storage before the index of it is. */
async function endStaging(staging: string, { index, kept, staged, shards }: Staged): Promise<void> {
  const written = [...staged.keys()];
  const entries = new Map(kept);
  for (let from = 0; from < written.length; from += SYNCED_AT_ONCE) {
    const some = written.slice(from, from + SYNCED_AT_ONCE);
    const times = await Promise.all(some.map((band) => syncFile(path.join(staging, bandPath(band)))));
    for (const [at, band] of some.entries()) {
      const [mtimeMs, blake2b] = [times[at], staged.get(band)];
      if (mtimeMs !== undefined && blake2b !== undefined) entries.set(band, { mtimeMs, blake2b });
    }
  }
  for (const shard of shards) await syncFolder(shard);
  const bands = new Map([...entries].sort(([one], [other]) => one - other));
  await writeWhole(staging, CHANGED_NAME, written.map((band) => `${bandPath(band)}\n`).join(''));
  await writeWhole(staging, INDEX_NAME, indexText({ ...index, bands }));
  await syncFolder(path.dirname(staging));
}

/** Returns when its content was changed last, as the file system says once it has all of it. */
async function syncFile(file: string): Promise<number> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
    return (await handle.stat()).mtimeMs;
  } finally {
    await handle.close();
  }
}
