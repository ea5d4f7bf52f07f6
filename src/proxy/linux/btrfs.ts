import { open, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

/** Of the first superblock, as the kernel's `btrfs_tree.h` has them. */
const SUPERBLOCK = { offsetBytes: 0x10000, devices: 0x88 } as const;
const KNOWN = '/sys/fs/btrfs';

/**
 * Why this one must not be mounted here; undefined: nothing is against it. The kernel knows a btrfs by its id alone: with a second one
 * of the same id it could read from the wrong device.
 */
export async function whyNotBtrfs(device: string, offsetBytes: number, uuid: string): Promise<string | undefined> {
  const devices = await deviceCount(device, offsetBytes);
  if (devices !== 1n) return `it is a btrfs of ${devices} devices, which can only be mounted together`;
  return (await isKnown(uuid)) ? `a btrfs of the same id (${uuid}) is mounted on the proxy` : undefined;
}

async function deviceCount(device: string, offsetBytes: number): Promise<bigint> {
  const file = await open(device, 'r');
  try {
    const { buffer } = await file.read(
      Buffer.alloc(8),
      0,
      8,
      offsetBytes + SUPERBLOCK.offsetBytes + SUPERBLOCK.devices,
    );
    return buffer.readBigUInt64LE();
  } finally {
    await file.close();
  }
}

/** One that was mounted as a second one of its id stands there under another, and tells its own beside it. */
async function isKnown(uuid: string): Promise<boolean> {
  if (await stat(path.join(KNOWN, uuid)).catch(() => undefined)) return true;
  const mounted = await readdir(KNOWN).catch(() => []);
  const ids = mounted.map((name) => readFile(path.join(KNOWN, name, 'metadata_uuid'), 'utf8').catch(() => ''));
  return (await Promise.all(ids)).some((id) => id.trim() === uuid);
}
