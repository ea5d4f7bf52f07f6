import { constants } from 'node:fs';
import { chmod, type FileHandle, lchown, link, lutimes, mkdir, open, readlink, symlink } from 'node:fs/promises';
import { systemErrorCode } from '../../platform/system-error.ts';
import { type Found, joined, walkTree } from './walk-tree.ts';

const PIECE_BYTES = 1024 * 1024;
/** Holes are kept in pieces of this size. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(HOLE_BYTES);
const MODE_BITS = 0o7777;
/** Until it is whole. */
const OWN_FILE = 0o600;
const OWN_FOLDER = 0o700;

/**
 * Copies from the place down to `to`, which must not be there, or is a folder where the place is one. What is there is not overwritten.
 * Devices, sockets and pipes are left out.
 */
export async function copyTree(
  place: Buffer,
  to: Buffer,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const folders: (readonly [copy: Buffer, found: Found])[] = [];
  const copies = new Map<string, Buffer>();
  let doneBytes = 0;
  for await (const found of walkTree(place, signal)) {
    const copy = found.below.length === 0 ? to : joined(to, found.below);
    switch (found.kind) {
      case 'folder':
        if (await makeFolder(copy, found)) folders.push([copy, found]);
        break;
      case 'link':
        await symlink(await readlink(found.file, { encoding: 'buffer' }), copy);
        await keepAttributes(copy, found);
        break;
      case 'file': {
        const id = `${found.stats.dev}:${found.stats.ino}`;
        const earlier = copies.get(id);
        if (earlier) {
          await link(earlier, copy);
          break;
        }
        await copyFile(found.file, copy, (bytes) => progress(doneBytes + bytes), signal);
        doneBytes += found.stats.size;
        await keepAttributes(copy, found);
        if (found.stats.nlink > 1) copies.set(id, copy);
        break;
      }
      case 'special':
        break;
    }
  }
  // The last first: what is made in a folder changes its times, and its mode may forbid to make anything.
  for (const [copy, found] of folders.reverse()) await keepAttributes(copy, found);
}

/** False: it is the one that is there, and stays as it is. */
async function makeFolder(copy: Buffer, { below }: Found): Promise<boolean> {
  try {
    await mkdir(copy, { mode: OWN_FOLDER });
    return true;
  } catch (error) {
    if (below.length === 0 && systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The owner first: changing it takes set-user-id away. */
async function keepAttributes(copy: Buffer, { kind, stats }: Found): Promise<void> {
  if (process.getuid?.() === 0) await lchown(copy, stats.uid, stats.gid);
  if (kind !== 'link') await chmod(copy, stats.mode & MODE_BITS);
  await lutimes(copy, stats.atimeMs / 1000, stats.mtimeMs / 1000);
}

async function copyFile(
  from: Buffer,
  to: Buffer,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const target = await open(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, OWN_FILE);
    try {
      await copyContent(source, target, progress, signal);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copyContent(
  source: FileHandle,
  target: FileHandle,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  let at = 0;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await source.read(buffer, 0, PIECE_BYTES, at);
    if (bytesRead === 0) break;
    for (let offset = 0; offset < bytesRead; offset += HOLE_BYTES) {
      const piece = buffer.subarray(offset, Math.min(offset + HOLE_BYTES, bytesRead));
      if (!piece.equals(ZEROS.subarray(0, piece.length))) await writeAll(target, piece, at + offset);
    }
    at += bytesRead;
    progress(at);
  }
  await target.truncate(at);
}

async function writeAll(file: FileHandle, data: Buffer, positionBytes: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    done += (await file.write(data, done, data.length - done, positionBytes + done)).bytesWritten;
  }
}
