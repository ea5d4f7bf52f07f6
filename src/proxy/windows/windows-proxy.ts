import { open } from 'node:fs/promises';
import { unlessAborted } from '../../platform/unless-aborted.ts';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { Wwn } from '../../ports/identity.ts';
import type { BackupProxy, ProxyDevice } from '../../ports/proxy.ts';
import { readSignature } from '../disk-signature.ts';
import type { PowerShell } from './powershell-session.ts';
import { CMDLETS } from './powershell-text.ts';
import {
  disksOf,
  hasId,
  isSamePath,
  OFFLINE_REASON,
  oneDisk,
  type SeenDevices,
  type WindowsDisk,
} from './windows-disks.ts';

const POLL_MS = 500;
const RESCAN_EVERY_MS = 2_000;
/** A raw disk is read in whole sectors; this is a multiple of every sector size there is. */
const ALIGN_BYTES = 4096;

/**
 * A Windows backup proxy. Devices are known by their page 0x83 NAA identity (`UniqueId`) and read by their interface path (`Path`), which
 * stays theirs while disk numbers go from disk to disk. They are read while they are offline: so Windows writes nothing to them, mounts
 * nothing of them, and two of one signature do not collide.
 */
export function createWindowsProxy(shell: PowerShell, clock: Clock, seen: SeenDevices): BackupProxy {
  const rescan = (signal: AbortSignal) => shell.request(CMDLETS.rescan(), signal);
  return {
    async waitForDevices(expected, signal) {
      let nextRescanMs = clock.monotonicMs();
      for (;;) {
        if (clock.monotonicMs() >= nextRescanMs) {
          await rescan(signal);
          nextRescanMs = clock.monotonicMs() + RESCAN_EVERY_MS;
        }
        const disks = await disksOf(shell, signal);
        const found = expected.flatMap(({ wwn, sizeBytes }) => {
          const disk = oneDisk(disks, wwn);
          return disk ? [describe(disk, wwn, sizeBytes)] : [];
        });
        if (found.length === expected.length) {
          for (const { path, wwn } of found) seen.add(path, wwn);
          return found;
        }
        await clock.sleep(Math.min(POLL_MS, Math.max(0, nextRescanMs - clock.monotonicMs())), signal);
      }
    },

    async signature(device, signal) {
      await requireSame(shell, device, signal);
      const signature = await unlessAborted(readRaw(device), signal);
      await requireSame(shell, device, signal);
      return signature;
    },

    async releaseDevices(wwns, signal) {
      const online = async () =>
        (await disksOf(shell, signal)).filter((disk) => !disk.IsOffline && wwns.some((wwn) => hasId(disk, wwn)));
      // Taken offline, a disk is flushed and dismounted.
      for (const { UniqueId } of await online()) await shell.request(CMDLETS.setOffline(UniqueId, true), signal);
      const [left] = await online();
      if (left === undefined) return;
      throw new SnaphookError('E_PROXY', `device "${left.Path}" cannot be taken offline on the proxy`, {
        hint: 'See who uses it and the System event log of the proxy, then run `snaphook reap --apply`.',
      });
    },

    async paths(wwns, signal) {
      const disks = await disksOf(shell, signal);
      return new Map(
        wwns.flatMap((wwn) => {
          const disk = oneDisk(disks, wwn);
          return disk ? [[wwn, disk.Path] as const] : [];
        }),
      );
    },

    async visible(wwns, signal) {
      await rescan(signal);
      const disks = await disksOf(shell, signal);
      return wwns.filter((wwn) => disks.some((disk) => hasId(disk, wwn)));
    },
  };
}

function describe(disk: WindowsDisk, wwn: Wwn, sizeBytes: number): ProxyDevice {
  if (!disk.IsOffline) {
    throw new SnaphookError('E_PROXY_DEVICE', `device "${wwn}" went online on the proxy by itself`, {
      hint: 'Windows may have written to it. Set the SAN policy: Set-StorageSetting -NewDiskPolicy OfflineShared, take the disk offline (Set-Disk -IsOffline $true), then run the job again.',
    });
  }
  if (disk.OfflineReason === OFFLINE_REASON.redundantPath) {
    throw new SnaphookError('E_PROXY_DEVICE', `device "${wwn}" is offline because it is a second path of a disk`, {
      hint: 'Install the feature Multipath-IO and let it claim the array.',
    });
  }
  if (disk.Size < sizeBytes) {
    throw new SnaphookError(
      'E_PROXY_DEVICE',
      `device "${wwn}" has ${disk.Size} bytes, less than the ${sizeBytes} expected`,
      {
        hint: 'The proxy may hold an old size in its cache. Unmask the device, rescan, and run the job again.',
      },
    );
  }
  return { wwn, path: disk.Path, sizeBytes: disk.Size };
}

/** Before and after reading: without MPIO the path of a disk tells its address, where another may be by now. */
async function requireSame(shell: PowerShell, { wwn, path }: ProxyDevice, signal: AbortSignal): Promise<void> {
  const disk = oneDisk(await disksOf(shell, signal), wwn);
  if (disk && isSamePath(disk.Path, path)) return;
  throw lost(path);
}

const lost = (path: string, cause?: unknown) =>
  new SnaphookError('E_PROXY_DEVICE', `device "${path}" cannot be looked at`, {
    cause,
    hint: 'It may have vanished in this moment. Check the paths of the device on the proxy (mpclaim -s -d, System event log).',
  });

async function readRaw({ path, sizeBytes }: ProxyDevice) {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw lost(path, cause);
  });
  try {
    const read = async (offsetBytes: number, lengthBytes: number) => {
      const start = offsetBytes - (offsetBytes % ALIGN_BYTES);
      const end = Math.min(Math.ceil((offsetBytes + lengthBytes) / ALIGN_BYTES) * ALIGN_BYTES, sizeBytes);
      if (end <= start) return Buffer.alloc(0);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      return buffer.subarray(offsetBytes - start, Math.min(bytesRead, offsetBytes - start + lengthBytes));
    };
    return await readSignature(read, sizeBytes);
  } catch (cause) {
    throw lost(path, cause);
  } finally {
    await file.close();
  }
}
