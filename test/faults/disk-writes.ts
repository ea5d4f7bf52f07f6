import fs, { type FileHandle } from 'node:fs/promises';
import path from 'node:path';

/** Which write fails, and whether every later one does too. */
export interface DiskFault {
  readonly operation: string;
  readonly nth: number;
  readonly forGood: boolean;
}

/** The writes to journals and to the hand-over directory of one site, seen where Node passes them to the system. */
export interface DiskWrites {
  /** By operation: `journal write`, `export write`. */
  readonly counts: ReadonlyMap<string, number>;
  /** Has the fault met its write? */
  readonly fired: boolean;
  end(): void;
}

interface Watch {
  readonly directory: string;
  readonly fault: DiskFault | undefined;
  readonly counts: Map<string, number>;
  fired: boolean;
}

const watches = new Set<Watch>();
const real = { open: fs.open, writeFile: fs.writeFile };

/** Counts the writes below a directory until `end`, and refuses one of them as a full disk does. */
export function watchWrites(directory: string, fault?: DiskFault): DiskWrites {
  const watch: Watch = { directory, fault, counts: new Map(), fired: false };
  watches.add(watch);
  if (watches.size === 1) intercept();
  return {
    counts: watch.counts,
    get fired() {
      return watch.fired;
    },
    end: () => {
      watches.delete(watch);
      if (watches.size === 0) Object.assign(fs, real);
    },
  };
}

function intercept(): void {
  Object.assign(fs, {
    open: async (...args: Parameters<typeof fs.open>): Promise<FileHandle> => {
      const handle = await real.open(...args);
      const file = String(args[0]);
      if (operationOn(file) !== undefined) guard(handle, file);
      return handle;
    },
    writeFile: async (...args: Parameters<typeof fs.writeFile>): Promise<void> => {
      refuseWhenFull(String(args[0]));
      await real.writeFile(...args);
    },
  });
}

function guard(handle: FileHandle, file: string): void {
  for (const method of ['write', 'writeFile'] as const) {
    const original: unknown = handle[method];
    Object.assign(handle, {
      [method]: async (...args: unknown[]): Promise<unknown> => {
        refuseWhenFull(file);
        return typeof original === 'function' ? original.apply(handle, args) : undefined;
      },
    });
  }
}

function operationOn(file: string): string | undefined {
  if (file.includes(`${path.sep}state${path.sep}runs${path.sep}`)) return 'journal write';
  return file.includes(`${path.sep}export${path.sep}`) ? 'export write' : undefined;
}

function refuseWhenFull(file: string): void {
  const operation = operationOn(file);
  if (operation === undefined) return;
  for (const watch of watches) {
    if (!file.startsWith(watch.directory + path.sep)) continue;
    const nth = (watch.counts.get(operation) ?? 0) + 1;
    watch.counts.set(operation, nth);
    const { fault } = watch;
    // A full disk is full for journals and images alike.
    const isHit = fault?.operation === operation && fault.nth === nth;
    if (isHit) watch.fired = true;
    if (isHit || (watch.fired && fault?.forGood)) {
      throw Object.assign(new Error(`ENOSPC: no space left on device, write '${file}'`), { code: 'ENOSPC' });
    }
  }
}
