import type { Stats } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { unlessAborted } from '../../platform/unless-aborted.ts';
import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { wwn as toWwn, type Wwn, wwnOfNguid } from '../../ports/identity.ts';
import type { BackupProxy, ProxyDevice } from '../../ports/proxy.ts';
import { readSignature } from '../disk-signature.ts';
import { blockDeviceBytes, dropCache } from './block-device.ts';
import { verifyIdentity } from './device-identity.ts';
import { rescan } from './rescan.ts';

const POLL_MS = 50;
const RESCAN_EVERY_MS = 5_000;

export interface LinuxProxyOptions {
  /** Folder with one entry a device named by identity, such as `/dev/disk/by-id`. */
  readonly byIdFolder: string;
  readonly clock: Clock;
}

/**
 * A Linux backup proxy. Devices are known by their page 0x83 NAA identity (`wwn-0x<naa>`, `scsi-3<naa>`, `dm-uuid-mpath-3<naa>`) or,
 * as NVMe namespaces, by their NGUID (`nvme-eui.<nguid>`, `dm-uuid-mpath-eui.<nguid>`); never by `sdX`, `nvmeXnY`, LUN or label:
 * those change between boots and between runs.
 */
export function createLinuxProxy({ byIdFolder, clock }: LinuxProxyOptions): BackupProxy {
  const proxy: BackupProxy = {
    async waitForDevices(expected, signal) {
      let nextRescanMs = clock.monotonicMs();
      for (;;) {
        const present = await listDevices(byIdFolder);
        const missing = expected.filter(({ wwn }) => !present.has(wwn));
        if (missing.length === 0) {
          return Promise.all(
            expected.map(({ wwn, sizeBytes }) => describe(wwn, present.get(wwn) ?? '', sizeBytes, signal)),
          );
        }
        if (clock.monotonicMs() >= nextRescanMs) {
          await rescan();
          nextRescanMs = clock.monotonicMs() + RESCAN_EVERY_MS;
        }
        await clock.sleep(POLL_MS, signal);
      }
    },

    async signature({ path: device, sizeBytes }) {
      const file = await open(device, 'r').catch((cause: unknown) => {
        throw lost(device, cause);
      });
      try {
        const read = async (position: number, length: number) => {
          const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
          return buffer.subarray(0, bytesRead);
        };
        return await readSignature(read, sizeBytes);
      } catch (cause) {
        throw lost(device, cause);
      } finally {
        await file.close();
      }
    },

    async releaseDevices(wwns, signal) {
      const present = await listDevices(byIdFolder);
      for (const wwn of wwns) {
        const device = present.get(wwn);
        if (device !== undefined) await flush(device, signal);
      }
    },

    async paths(wwns) {
      const present = await listDevices(byIdFolder);
      return new Map(wwns.flatMap((wwn) => (present.has(wwn) ? [[wwn, present.get(wwn) ?? '']] : [])));
    },

    async visible(wwns) {
      const present = await listDevices(byIdFolder);
      return wwns.filter((wwn) => present.has(wwn));
    },
  };
  return {
    waitForDevices: (expected, signal) => unlessAborted(proxy.waitForDevices(expected, signal), signal),
    signature: (device, signal) => unlessAborted(proxy.signature(device, signal), signal),
    releaseDevices: (wwns, signal) => unlessAborted(proxy.releaseDevices(wwns, signal), signal),
    paths: (wwns, signal) => unlessAborted(proxy.paths(wwns, signal), signal),
    visible: (wwns, signal) => unlessAborted(proxy.visible(wwns, signal), signal),
  };
}

/** Multipath first: a single path of a multipathed device must not be read behind its back. */
const NAME_FORMS: readonly (readonly [form: RegExp, wwnOf: (digits: string) => Wwn])[] = [
  [/^dm-uuid-mpath-3([0-9a-f]{32})$/, toWwn],
  [/^dm-uuid-mpath-eui\.([0-9a-f]{32})$/, wwnOfNguid],
  [/^wwn-0x([0-9a-f]{32})$/, toWwn],
  [/^scsi-3([0-9a-f]{32})$/, toWwn],
  [/^nvme-eui\.([0-9a-f]{32})$/, wwnOfNguid],
];

async function listDevices(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new SnaphookError('E_PROXY', `device folder "${folder}" cannot be read`, {
      cause,
      hint: 'On a Linux proxy it is /dev/disk/by-id; check `proxy.devices` in the configuration.',
    });
  });
  const devices = new Map<string, string>();
  for (const [form, wwnOf] of NAME_FORMS) {
    for (const name of names) {
      const digits = form.exec(name.toLowerCase())?.[1];
      const wwn = digits === undefined ? undefined : wwnOf(digits);
      if (wwn !== undefined && !devices.has(wwn)) devices.set(wwn, path.join(folder, name));
    }
  }
  return devices;
}

/** A path may vanish, or stop to answer, between any two looks at it. */
const lost = (link: string, cause: unknown) =>
  new SnaphookError('E_PROXY_DEVICE', `device "${link}" cannot be looked at`, {
    cause,
    hint: 'It may have vanished in this moment. Check the paths of the device on the proxy (multipath -ll, dmesg).',
  });

async function lookAt(link: string): Promise<{ readonly device: string; readonly stats: Stats }> {
  try {
    const device = await realpath(link);
    return { device, stats: await stat(device) };
  } catch (cause) {
    throw lost(link, cause);
  }
}

async function describe(wwn: Wwn, link: string, sizeBytes: number, signal: AbortSignal): Promise<ProxyDevice> {
  const { device, stats } = await lookAt(link);
  const isBlockDevice = stats.isBlockDevice();
  // The target showed other content before the link: nothing of it may be read from the cache.
  if (isBlockDevice) {
    await verifyIdentity(device, wwn);
    await dropCache(device, signal);
  }
  const actualBytes = isBlockDevice ? await blockDeviceBytes(device, signal) : stats.size;
  if (actualBytes < sizeBytes) {
    throw new SnaphookError(
      'E_PROXY_DEVICE',
      `device "${link}" (WWN "${wwn}") has ${actualBytes} bytes, less than the ${sizeBytes} expected`,
      {
        hint: 'The proxy may hold an old size in its cache. Remove the device from the proxy, rescan, and run the job again.',
      },
    );
  }
  return { wwn, path: device, sizeBytes: actualBytes };
}

/** Writes back and forgets what the system still holds of the device. A device that vanished meanwhile has nothing to flush. */
async function flush(link: string, signal: AbortSignal): Promise<void> {
  const device = await realpath(link).catch(() => undefined);
  if (device === undefined) return;
  const { stats } = await lookAt(device);
  if (stats.isBlockDevice()) await dropCache(device, signal);
}
