import { rm } from 'node:fs/promises';
import path from 'node:path';
import { insideOf } from '../../platform/inside-of.ts';
import { unlessAborted } from '../../platform/unless-aborted.ts';
import type { BandFolder, BandOwner, Bands } from '../../ports/bands.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { LeftAlone } from '../../ports/images.ts';
import { exportError } from '../export-error.ts';
import { contentOf, draftOf, foreignFolder, indexOf, removeIfEmpty, requireRoom, standingOf } from './band-folder.ts';
import { CHANGED_NAME, COMMIT_NAME, INDEX_NAME, OWNER_NAME } from './band-layout.ts';
import { commitStaged, discardStaged, finishCommit } from './commit-bands.ts';
import { stageBands, type Turn } from './stage-bands.ts';

const folders: Bands = {
  async preflight(directory, wanted, owner, signal) {
    const paths = wanted.map(({ path: relative }) => relative);
    const left = await folders.settle(directory, paths, owner, signal);
    const commit = left.find(({ path: relative }) => relative === COMMIT_NAME);
    if (commit) throw foreignCommit(path.join(directory, COMMIT_NAME), commit.why);
    let bytesNeeded = 0;
    for (const folder of wanted) bytesNeeded += await bytesToCome(directory, folder, owner);
    return { bytesNeeded };
  },

  async committed(directory, relative, owner) {
    const standing = await standingOf(directory, relative, owner);
    return standing.is === 'own' ? indexOf(insideOf(directory, relative)) : undefined;
  },

  async stage(directory, request, progress, signal) {
    const turn = turnsIn(directory, signal);
    const unfinished = await turn(() => finishCommit(directory, request.owner));
    if (unfinished !== undefined) throw foreignCommit(path.join(directory, COMMIT_NAME), unfinished);
    return stageBands(directory, request, progress, { turn, signal });
  },

  async commit(directory, paths, by, signal) {
    await turnsIn(directory, signal)(() => commitStaged(directory, { ...by, folders: paths }));
  },

  async settle(directory, paths, owner, signal) {
    const turn = turnsIn(directory, signal);
    const unfinished = await turn(() => finishCommit(directory, owner));
    if (unfinished !== undefined) return [{ path: COMMIT_NAME, why: unfinished }];
    const leftAlone: LeftAlone[] = [];
    for (const relative of paths) {
      leftAlone.push(...(await turn(() => settleFolder(directory, relative, owner))));
    }
    return leftAlone;
  },
};

/**
 * Bands in the file system of this machine. What hangs in the kernel is not waited for beyond the signal; when it comes back it changes
 * nothing any more, but a commit that has begun goes on.
 */
export const bandFolders: Bands = {
  preflight: (directory, wanted, owner, signal) =>
    inTime(directory, folders.preflight(directory, wanted, owner, signal), signal),
  committed: (directory, relative, owner, signal) =>
    inTime(insideOf(directory, relative), folders.committed(directory, relative, owner, signal), signal),
  stage: (directory, request, progress, signal) =>
    inTime(insideOf(directory, request.path), folders.stage(directory, request, progress, signal), signal),
  commit: (directory, paths, by, signal) => inTime(directory, folders.commit(directory, paths, by, signal), signal),
  settle: (directory, paths, owner, signal) =>
    inTime(directory, folders.settle(directory, paths, owner, signal), signal),
};

function inTime<Result>(file: string, work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const told = work.catch((error: unknown) => {
    throw signal.aborted ? error : exportError(error, file);
  });
  return unlessAborted(told, signal);
}

const atWork = new Map<string, Promise<unknown>>();

/** Work of one directory follows each other also where its caller has given it up: undoing must not meet what it undoes. */
function turnsIn(directory: string, signal: AbortSignal): Turn {
  const key = path.resolve(directory);
  return <Result>(work: () => Promise<Result>) => {
    const result = (atWork.get(key) ?? Promise.resolve()).then(() => {
      signal.throwIfAborted();
      return work();
    });
    const ended = result.then(
      () => undefined,
      () => undefined,
    );
    atWork.set(key, ended);
    void ended.then(() => {
      if (atWork.get(key) === ended) atWork.delete(key);
    });
    return result;
  };
}

/** As many as the disk has, less what is there: who changes more of it than that has room for learns it while it is staged. */
async function bytesToCome(directory: string, { path: relative, sizeBytes }: BandFolder, owner: BandOwner) {
  const folder = insideOf(directory, relative);
  const standing = await standingOf(directory, relative, owner);
  if (standing.is === 'foreign') throw foreignFolder(folder, standing.why);
  const content = await contentOf(folder);
  requireRoom(folder, content);
  const index = await indexOf(folder);
  return Math.max(0, sizeBytes - content.bands.size * (index?.bandBytes ?? 0));
}

async function settleFolder(directory: string, relative: string, owner: BandOwner): Promise<readonly LeftAlone[]> {
  const folder = insideOf(directory, relative);
  const standing = await standingOf(directory, relative, owner);
  if (standing.is === 'foreign') return [{ path: relative, why: standing.why }];
  if (standing.is === 'own') await discardStaged(folder);
  const { bands, foreign } = await contentOf(folder);
  const isUnused = bands.size === 0 && foreign.length === 0 && (await indexOf(folder)) === undefined;
  if (isUnused) await removeUnused(directory, folder);
  return foreign.map((name) => ({ path: `${relative}/${name}`, why: 'it is no band and not made by snaphook' }));
}

/** A folder that never got a band, or whose bands somebody removed, and the folders that were made for it. */
async function removeUnused(directory: string, folder: string): Promise<void> {
  for (const name of [INDEX_NAME, CHANGED_NAME, OWNER_NAME, draftOf(OWNER_NAME)]) {
    await rm(path.join(folder, name), { force: true });
  }
  const root = path.resolve(directory);
  for (let current = folder; current.startsWith(root + path.sep); current = path.dirname(current)) {
    await removeIfEmpty(current);
  }
}

const foreignCommit = (file: string, why: string): SnaphookError =>
  new SnaphookError('E_EXPORT', `"${file}" is not of this job: ${why}`, {
    hint: 'Another job puts bands into this hand-over directory. Give each job a directory of its own.',
  });
