import { type DeviceId, deviceId, wwn } from '../ports/identity.ts';
import { nextLookMs } from '../ports/polling.ts';
import type { DeviceState, SnapVxApi } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { snapshotsOfDevice, volumes } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, bodies, text } from './schema.ts';
import { classicVolume, type Volume } from './volume.ts';

/** What one device is now. */
export async function readDeviceState(
  unisphere: Unisphere,
  how: { readonly api: SnapVxApi; readonly lagMs: number },
  device: DeviceId,
  signal: AbortSignal,
): Promise<DeviceState | undefined> {
  const volume = await readVolume(unisphere, device, signal);
  if (volume === undefined) return undefined;
  const linkSource =
    how.api === 'device-list'
      ? await readLinkSource(unisphere, device, signal)
      : (await isLinkTarget(unisphere, volume, how.lagMs, signal))
        ? 'unknown'
        : undefined;
  const identity = volume.effectiveWwn ?? volume.wwn;
  return {
    id: device,
    effectiveWwn: identity === undefined ? undefined : wwn(identity),
    storageGroups: volume.storageGroups,
    linkSource,
  };
}

async function readVolume(unisphere: Unisphere, device: DeviceId, signal: AbortSignal): Promise<Volume | undefined> {
  const { endpoint } = await unisphere.version(signal);
  const path = `/restapi${volumes(endpoint, unisphere.arrayId)}/${device}`;
  const found = bodyIfFound(await unisphere.read(path, signal), `show device "${device}"`);
  return found === undefined ? undefined : classicVolume(asBody(found, `device "${device}"`));
}

/** The published API tells that a device is a target, not of what, and late: a flag that is set is looked at again. */
async function isLinkTarget(unisphere: Unisphere, first: Volume, lagMs: number, signal: AbortSignal): Promise<boolean> {
  const { clock } = unisphere;
  const sinceMs = clock.monotonicMs();
  for (let volume: Volume | undefined = first; volume?.linkTarget; ) {
    const waitedMs = clock.monotonicMs() - sinceMs;
    if (waitedMs >= lagMs) return true;
    await clock.sleep(nextLookMs(waitedMs), signal);
    volume = await readVolume(unisphere, first.id, signal);
  }
  return false;
}

/**
 * From the device-list API (`snapshotLnks`). That it does not lag as the volume's own flag does is assumed, not published: whoever
 * must not take an old link for one of somebody else looks again.
 */
async function readLinkSource(
  unisphere: Unisphere,
  device: DeviceId,
  signal: AbortSignal,
): Promise<DeviceId | undefined> {
  const { endpoint } = await unisphere.version(signal);
  const sessionsPath = `/restapi${snapshotsOfDevice(endpoint, unisphere.arrayId, device)}`;
  // A device that is neither source nor target is refused as not found by older releases.
  const sessions = bodyIfFound(await unisphere.read(sessionsPath, signal), `show the links of device "${device}"`);
  const links = sessions === undefined ? [] : bodies(asBody(sessions, `links of device "${device}"`), 'snapshotLnks');
  const linkSource = links.map((link) => text(link, 'linkSourceName', 'link_source_name')).find(Boolean);
  return linkSource === undefined ? undefined : deviceId(linkSource);
}
