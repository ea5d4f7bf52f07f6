import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SnaphookError } from '../../ports/errors.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

/**
 * `blockdev` of util-linux: Node has no ioctl. The device path is an argument of its own, never part of a command line. On a device
 * whose paths are dead it waits in the kernel, where no signal ends it: then nobody waits for it, and it keeps no process alive.
 */
async function blockdev(option: '--flushbufs' | '--getsize64', device: string, signal: AbortSignal): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const running = run('blockdev', [option, device], { signal: limit, killSignal: 'SIGKILL' });
    limit.addEventListener('abort', () => running.child.unref(), { once: true });
    return (await running).stdout;
  } catch (cause) {
    signal.throwIfAborted();
    throw new SnaphookError('E_PROXY_DEVICE', `blockdev ${option} failed for "${device}"`, {
      cause,
      hint: 'Reading devices needs root, or the right to open them; blockdev is part of util-linux.',
    });
  }
}

export async function blockDeviceBytes(device: string, signal: AbortSignal): Promise<number> {
  return Number((await blockdev('--getsize64', device, signal)).trim());
}

/** Writes back dirty pages and forgets clean ones, so that the next read comes from the array. */
export async function dropCache(device: string, signal: AbortSignal): Promise<void> {
  await blockdev('--flushbufs', device, signal);
}
