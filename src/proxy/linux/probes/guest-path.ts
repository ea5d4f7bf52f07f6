import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../../../platform/system-error.ts';
import { SnaphookError } from '../../../ports/errors.ts';

/** Where a path of a guest is below the mount point. What a guest has links for must not lead to files of this machine. Errors: `E_VERIFY`. */
export async function insideOfVolume(mountPoint: string, guestPath: string): Promise<string> {
  const absolute = path.join(mountPoint, path.posix.normalize(guestPath).replace(/\/$/, ''));
  const real = await realpath(absolute).catch(() => undefined);
  const isInside = absolute === mountPoint || absolute.startsWith(mountPoint + path.sep);
  if (real === absolute && isInside) return absolute;
  const why = real === undefined ? 'is not there' : 'is reached through a link';
  throw new SnaphookError('E_VERIFY', `"${guestPath}" ${why} in the file system that should have it`, {
    hint: 'Give the path that is behind links, from the root of its file system where `volume` is named; of btrfs from the top of its tree, such as `/@/srv`.',
  });
}

/**
 * To be read; undefined: it is no file. Guests may have anything under any name: opening a pipe would wait for somebody who writes to it, and
 * a link leads to devices of this machine. What the system says is thrown.
 */
async function openGuestFile(file: string): Promise<FileHandle | undefined> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    if ((await handle.stat()).isFile()) return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

/** The begin of a file below a mount point, a character a byte; undefined: it is no file, or cannot be read. */
export async function firstBytes(file: string, lengthBytes: number): Promise<string | undefined> {
  const handle = await openGuestFile(file).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } catch {
    return undefined;
  } finally {
    await handle.close();
  }
}

const PIECE_BYTES = 1024 * 1024;

/** Reads a file to its end. Errors: `E_VERIFY`. */
export async function readWhole(
  mountPoint: string,
  guestPath: string,
  signal: AbortSignal,
): Promise<{ readonly bytes: number }> {
  const file = await insideOfVolume(mountPoint, guestPath);
  try {
    const handle = await openGuestFile(file);
    if (!handle) throw unreadable(guestPath, 'it is no file');
    try {
      const { size } = await handle.stat();
      const piece = Buffer.alloc(PIECE_BYTES);
      let bytes = 0;
      for (;;) {
        signal.throwIfAborted();
        const { bytesRead } = await handle.read(piece, 0, piece.length);
        if (bytesRead === 0) break;
        bytes += bytesRead;
      }
      if (bytes !== size) throw unreadable(guestPath, `it ends after ${bytes} of ${size} bytes`);
      return { bytes };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = error instanceof SnaphookError ? undefined : systemErrorCode(error);
    throw code === undefined ? error : unreadable(guestPath, `the system says ${code}`, error);
  }
}

const unreadable = (guestPath: string, why: string, cause?: unknown): SnaphookError =>
  new SnaphookError('E_VERIFY', `"${guestPath}" cannot be read to its end: ${why}`, {
    cause,
    hint: 'Read it in the guest. Nothing was handed over.',
  });
