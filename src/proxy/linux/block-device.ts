import { unlessAborted } from '../../platform/unless-aborted.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { mustRun } from './programs.ts';

const TIMEOUT_MS = 60_000;

/** `blockdev` of util-linux: Node has no ioctl. On a device whose paths are dead it hangs in the kernel, and is not waited for. */
async function blockdev(option: '--flushbufs' | '--getsize64', device: string, signal: AbortSignal): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    return await unlessAborted(mustRun('blockdev', [option, device], limit), limit);
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
