import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../platform/ensure-folder.ts';
import { insideOf } from '../platform/inside-of.ts';
import { filesOfImage, type ImageShape, type Images } from '../ports/images.ts';
import { copyDevice } from './copy-device.ts';
import { exportError } from './export-error.ts';
import type { ImageSink } from './image-sink.ts';
import { syncHandOver } from './sync-hand-over.ts';

/** Makes a sink of the empty files of an image, in the order of `filesOfImage`. */
export type OpenSink = (image: ImageShape, files: readonly FileHandle[]) => Promise<ImageSink>;

/**
 * Writes all files of an image under their `.partial` names and renames them when they are complete, the one that names the others last.
 * Once this has returned, their names survive a power cut.
 */
export const imageWriter =
  (openSink: OpenSink): Images['write'] =>
  async (directory, request, progress, signal) => {
    const { path: relative, format, sizeBytes } = request;
    const finals = filesOfImage(request).map((file) => insideOf(directory, file.path));
    const folder = path.dirname(insideOf(directory, relative));
    const opened: FileHandle[] = [];
    const named: string[] = [];
    try {
      try {
        await ensureFolder(folder);
        for (const final of finals) opened.push(await open(`${final}.partial`, 'wx', 0o600));
        const written = await copyDevice(request, await openSink(request, opened), progress, signal);
        for (const file of opened) await file.sync();
        for (const final of finals.toReversed()) {
          signal.throwIfAborted();
          await rename(`${final}.partial`, final);
          named.push(final);
        }
        await syncHandOver(directory, folder);
        return { path: relative, format, sizeBytes, ...written };
      } finally {
        for (const file of opened) await file.close();
      }
    } catch (error) {
      // A partial file that was there before is another run's.
      for (const final of finals.slice(0, opened.length)) await rm(`${final}.partial`, { force: true });
      for (const final of named) await rm(final, { force: true });
      throw exportError(error, insideOf(directory, relative));
    }
  };
