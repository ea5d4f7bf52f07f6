import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SnaphookError } from '../../ports/errors.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

/** `blockdev` of util-linux: Node has no ioctl. The device path is an argument of its own, never part of a command line. */
async function blockdev(option: '--flushbufs' | '--getsize64', device: string): Promise<string> {
  try {
    return (await run('blockdev', [option, device], { timeout: TIMEOUT_MS })).stdout;
  } catch (cause) {
    throw new SnaphookError('E_PROXY_DEVICE', `blockdev ${option} failed for "${device}"`, {
      cause,
      hint: 'Reading devices needs root, or the right to open them; blockdev is part of util-linux.',
    });
  }
}

export async function blockDeviceBytes(device: string): Promise<number> {
  return Number((await blockdev('--getsize64', device)).trim());
}

/** Writes back dirty pages and forgets clean ones, so that the next read comes from the array. */
export async function dropCache(device: string): Promise<void> {
  await blockdev('--flushbufs', device);
}
