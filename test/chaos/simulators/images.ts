import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Images, LeftAlone } from '../../../src/ports/images.ts';
import type { HookProcess } from '../hook-process.ts';
import type { Random } from '../random.ts';

interface SimFile {
  readonly content: string;
  readonly sizeBytes: number;
  readonly bornAtMs: number;
  readonly owner: 'ours' | 'stranger';
}

/** Files of the hand-over directories by their whole path. They stay when processes and machines go. */
export class HandOverFiles {
  readonly files = new Map<string, SimFile>();
  /** Files of others that were removed or overwritten. */
  readonly trespasses: string[] = [];

  /** A file of somebody else, maybe over one of ours. */
  addForeign(path: string, sizeBytes: number, bornAtMs: number): void {
    this.files.set(path, { content: 'foreign', sizeBytes, bornAtMs, owner: 'stranger' });
  }

  write(path: string, file: Omit<SimFile, 'owner'>): void {
    if (this.files.get(path)?.owner === 'stranger') this.trespasses.push(`wrote over ${path}`);
    this.files.set(path, { ...file, owner: 'ours' });
  }

  /** Keeps the time at which it was made. */
  rename(from: string, to: string, change: Partial<SimFile> = {}): void {
    const file = this.files.get(from);
    if (!file) throw new Error(`there is no file ${from}`);
    this.files.delete(from);
    this.write(to, { ...file, ...change });
  }

  remove(path: string): void {
    if (this.files.get(path)?.owner === 'stranger') this.trespasses.push(`removed ${path}`);
    this.files.delete(path);
  }
}

const refused = () => new SnaphookError('E_PROXY_SPACE', 'no space left in the hand-over directory');
const unreadable = () => new SnaphookError('E_EXPORT', 'the hand-over directory cannot be written');

/** Reading a device takes as long as its bytes take; what it shows at the end is looked at as well. */
const CHUNKS = 4;

/** Image files as their adapter makes them for one process. `textAt` is what a device shows at the moment. */
export function simulatedImages(
  disk: HandOverFiles,
  textAt: (devicePath: string) => string,
  process: HookProcess,
  random: Random,
): Images {
  const fresh = (content: string, sizeBytes: number) => ({
    content,
    sizeBytes,
    bornAtMs: process.clock.now().getTime(),
  });
  const removeIf = (path: string, isExpected: (bytes: number) => boolean): readonly LeftAlone[] => {
    const file = disk.files.get(path);
    if (!file) return [];
    if (!isExpected(file.sizeBytes)) return [{ path, why: `it has ${file.sizeBytes} bytes now` }];
    disk.remove(path);
    return [];
  };
  const local = <Result>(name: string, effect: () => Result, more: { readonly tear?: () => void } = {}) =>
    process.call({
      name: `images.${name}`,
      isLocal: true,
      latencyMs: random.latency(4, 200),
      errors: { refused: unreadable },
      effect,
      ...more,
    });
  return {
    preflight: (directory, { paths, draft }, signal) =>
      process.call({
        name: 'images.preflight',
        signal,
        isLocal: true,
        latencyMs: random.latency(5, 200),
        errors: { refused },
        effect: () => {
          const taken = paths.flatMap((path) => [path, `${path}.partial`]).find((path) => has(disk, directory, path));
          if (taken !== undefined) throw new SnaphookError('E_EXPORT', `"${directory}/${taken}" exists already`);
        },
        tear: () => disk.write(`${directory}/${draft}`, fresh('draft', 0)),
      }),

    async write(directory, { devicePath, path, format, sizeBytes }, progress, signal) {
      const final = `${directory}/${path}`;
      const partial = `${final}.partial`;
      const texts = new Set<string>();
      if (disk.files.has(partial)) throw new SnaphookError('E_EXPORT', `"${partial}" is being written by another run`);
      try {
        for (let chunk = 1; chunk <= CHUNKS; chunk += 1) {
          signal.throwIfAborted();
          await process.call({
            name: 'images.write',
            isLocal: true,
            latencyMs: random.latency(400, 9000),
            errors: { refused },
            effect: () => {
              texts.add(textAt(devicePath));
              if (chunk === 1) disk.write(partial, fresh('partial', sizeBytes));
            },
          });
          progress((sizeBytes * chunk) / CHUNKS);
        }
        const content = [...texts].join(' | ');
        await process.call({
          name: 'images.rename',
          isLocal: true,
          latencyMs: 2,
          errors: {},
          effect: () => disk.rename(partial, final, { content }),
        });
        return {
          path,
          format,
          sizeBytes,
          dataBytes: sizeBytes,
          contentHash: { algorithm: 'blake2b-512-tree', leafBytes: sizeBytes, value: content },
        };
      } catch (error) {
        disk.remove(partial);
        throw error;
      }
    },

    writeBeside(directory, { path, content }) {
      const sizeBytes = content.length;
      return local('writeBeside', () => {
        disk.write(`${directory}/${path}`, fresh(String(content), sizeBytes));
        return { path, sizeBytes, blake2b: String(content) };
      });
    },

    writeRecord(directory, { name, draft, text }) {
      const unborn = `${directory}/${draft}`;
      const final = `${directory}/${name}`;
      return local(
        'writeRecord',
        () => {
          if (disk.files.has(unborn))
            throw new SnaphookError('E_EXPORT', `"${unborn}" is being written by another run`);
          disk.write(unborn, fresh(text, text.length));
          disk.rename(unborn, final);
        },
        { tear: () => disk.write(unborn, fresh(text.slice(0, random.whole(0, text.length - 1)), 1)) },
      );
    },

    records: (directory, namePrefix) =>
      local('records', () =>
        [...disk.files]
          .filter(([path]) => path.startsWith(`${directory}/${namePrefix}`))
          .map(([path, { content, bornAtMs }]) => ({ name: path.slice(directory.length + 1), text: content, bornAtMs }))
          .filter(({ name }) => !name.includes('/'))
          .sort((one, other) => (one.name < other.name ? -1 : 1)),
      ),

    existing: (directory, paths) =>
      local('existing', () =>
        paths.flatMap((path) => [path, `${path}.partial`]).filter((path) => has(disk, directory, path)),
      ),

    remove(directory, files) {
      const removeFirst = (count: number) =>
        files
          .slice(0, count)
          .flatMap(({ path, sizeBytes }) => [
            ...removeIf(`${directory}/${path}`, (bytes) => bytes === (sizeBytes ?? bytes)),
            ...removeIf(`${directory}/${path}.partial`, (bytes) => bytes <= (sizeBytes ?? bytes)),
          ]);
      return local('remove', () => removeFirst(files.length), {
        tear: () => void removeFirst(random.whole(0, files.length - 1)),
      });
    },
  };
}

const has = (disk: HandOverFiles, directory: string, path: string): boolean => disk.files.has(`${directory}/${path}`);
