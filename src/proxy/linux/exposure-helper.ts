import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { ExposedAs, ExposureHelper } from '../../ports/exposures.ts';

export const HELPER_PROGRAM = 'qemu-storage-daemon';

/** A stretch of a block device, and where or under what name it is to be read. */
export interface Exported {
  readonly device: string;
  /** Absolute path of the file, or name of the NBD export. */
  readonly place: string;
}

/**
 * Program and arguments. The signals by which a helper would end in order are blocked: it would unmount its files, and readers would find
 * the empty ones below. Killed, it leaves files that answer every read with an error.
 */
export function helperCommand(
  tag: string,
  as: ExposedAs,
  exported: readonly Exported[],
  socket: string,
): readonly [string, ...string[]] {
  const blocked = ['TERM', 'INT', 'HUP'].map((name) => `--block-signal=${name}`);
  const server = as === 'nbd' ? ['--nbd-server', `addr.type=unix,addr.path=${escaped(socket)}`] : [];
  const disks = exported.flatMap(({ device, place }, index) => [
    '--blockdev',
    `driver=host_device,node-name=disk${index},filename=${escaped(device)},read-only=on`,
    '--export',
    `${beginOfExport(as, tag, index)}node-name=disk${index},writable=off,${
      as === 'fuse' ? `allow-other=on,mountpoint=${escaped(place)}` : `name=${escaped(place)}`
    }`,
  ]);
  return ['env', ...blocked, HELPER_PROGRAM, '--daemonize', ...server, ...disks];
}

const beginOfExport = (as: ExposedAs, tag: string, index: number): string => `type=${as},id=${tag}.${index},`;

/** A comma in a value is written twice. */
const escaped = (value: string): string => value.replaceAll(',', ',,');

/** Processes of this user that were started with the tag; two while the helper detaches itself. */
export async function findHelpers(tag: string, as: ExposedAs): Promise<readonly ExposureHelper[]> {
  const helpers: ExposureHelper[] = [];
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    if (!(await hasTag(name, tag, as))) continue;
    const startTicks = await startTicksOf(name);
    if (startTicks !== undefined) helpers.push({ pid: Number(name), startTicks });
  }
  return helpers;
}

async function hasTag(pid: string, tag: string, as: ExposedAs): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const [program = '', ...args] = text.split('\0');
  if (path.basename(program) !== HELPER_PROGRAM) return false;
  if (!args.some((arg) => arg.startsWith(beginOfExport(as, tag, 0)))) return false;
  const owner = await stat(`/proc/${pid}`).catch(() => undefined);
  return owner !== undefined && owner.uid === process.getuid?.();
}

const GONE_STATES = ['Z', 'X'];

/** Undefined: it is gone, or only its parent has not taken note of that yet. Fields of proc_pid_stat(5), from the third on. */
async function startTicksOf(pid: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  const [state = 'X', ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return GONE_STATES.includes(state) ? undefined : fields[18];
}

/** A killed process needs its turn on the processor to end. */
const END_MS = 10_000;
const POLL_MS = 20;

/** Kills them and waits until they are gone. */
export async function endHelpers(tag: string, as: ExposedAs, clock: Clock, signal: AbortSignal): Promise<void> {
  let killedAtMs: number | undefined;
  for (;;) {
    const helpers = await findHelpers(tag, as);
    const [first] = helpers;
    if (first === undefined) return;
    if (killedAtMs !== undefined && clock.monotonicMs() > killedAtMs + END_MS) {
      throw new SnaphookError('E_PROXY', `process ${first.pid}, which exposes disks of "${tag}", cannot be ended`, {
        hint: 'It hangs in the kernel: check the paths of the devices (multipath -ll, dmesg), then run `snaphook reap --apply`.',
      });
    }
    for (const helper of helpers) await kill(helper);
    killedAtMs ??= clock.monotonicMs();
    await clock.sleep(POLL_MS, signal);
  }
}

/** Not a later process of its number. */
async function kill({ pid, startTicks }: ExposureHelper): Promise<void> {
  if ((await startTicksOf(String(pid))) !== startTicks) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone by itself: the next look tells.
  }
}
