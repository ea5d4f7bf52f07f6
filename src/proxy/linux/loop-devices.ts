import { open, readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { bearsMark, type LoopMark, underMark } from './loop-marks.ts';
import { mustRun } from './programs.ts';

export interface OpenLoop {
  /** Such as `/dev/loop0`. */
  readonly device: string;
  /** Lets it go: it vanishes when its last mount does. */
  close(): Promise<void>;
}

const BLOCKS = '/sys/block';
/** What the kernel adds to the name of a file that is not there any more. */
const DELETED = ' (deleted)';

/**
 * A stretch of a device, or of a file, as a device of its own: it needs neither the kernel's reading of partition tables nor udev.
 * The kernel detaches it by itself when nothing uses it any more: told so while this process has it open, so that it outlives
 * neither this process nor its mount. Only who is killed between attaching and opening leaves one, which `loopsOf` finds.
 */
export async function attachLoop(
  device: string,
  {
    offsetBytes,
    sizeBytes,
    isWritable,
    mark,
  }: {
    readonly offsetBytes: number;
    readonly sizeBytes: number;
    readonly isWritable: boolean;
    readonly mark: LoopMark;
  },
  signal: AbortSignal,
): Promise<OpenLoop> {
  const place = ['--offset', String(offsetBytes), '--sizelimit', String(sizeBytes)];
  const how = isWritable ? [] : ['--read-only'];
  const attach = (name: string) => mustRun('losetup', ['--find', '--show', ...place, ...how, name], signal);
  const loop = (await underMark(device, mark, attach, signal)).trim();
  const handle = await open(loop, 'r');
  try {
    // Detaching what is in use means: when nobody uses it any more.
    await mustRun('losetup', ['--detach', loop], signal);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { device: loop, close: () => handle.close() };
}

/** The file or device behind a loop device; undefined: it is none, or has nothing behind it any more. */
export async function behindLoop(device: string): Promise<string | undefined> {
  const [, name] = /^\/dev\/(loop\d+)$/.exec(device) ?? [];
  if (name === undefined) return undefined;
  const text = await readFile(`${BLOCKS}/${name}/loop/backing_file`, 'utf8').catch(() => undefined);
  const file = text?.replace(/\n$/, '');
  return file?.endsWith(DELETED) ? file.slice(0, -DELETED.length) : file;
}

/** Loop devices that were made for that disk on one of these devices; undefined: on any. */
async function loopsOf(mark: LoopMark, devicePaths: readonly string[] | undefined): Promise<readonly string[]> {
  const names = (await readdir(BLOCKS)).filter((name) => name.startsWith('loop'));
  const ours = await Promise.all(
    names.map(async (name) => {
      const behind = await behindLoop(`/dev/${name}`);
      return behind !== undefined && (await bearsMark(behind, mark, devicePaths)) ? [`/dev/${name}`] : [];
    }),
  );
  return ours.flat();
}

/** The kernel detaches a loop device a moment after its last user. */
const DETACH_MS = 5000;
const POLL_MS = 20;

/** Lets go of all that were made for that disk, and waits until they are gone. Errors: `E_PROXY` while somebody uses one. */
export async function releaseLoops(
  mark: LoopMark,
  devicePaths: readonly string[] | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const untilMs = clock.monotonicMs() + DETACH_MS;
  for (;;) {
    const loops = await loopsOf(mark, devicePaths);
    if (loops.length === 0) return;
    if (clock.monotonicMs() > untilMs) {
      throw new SnaphookError('E_PROXY', `loop device "${loops.join('", "')}" still holds a target`, {
        hint: 'See who uses it (lsof, fuser), end that, then run `snaphook reap --apply`.',
      });
    }
    // One that vanishes by itself in this moment cannot be detached: the next look tells.
    for (const loop of loops) await mustRun('losetup', ['--detach', loop], signal).catch(() => signal.throwIfAborted());
    await clock.sleep(POLL_MS, signal);
  }
}
