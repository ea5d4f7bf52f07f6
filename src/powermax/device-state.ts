import { type DeviceId, deviceId, wwn } from '../ports/identity.ts';
import type { DeviceState } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { snapshotsOfDevice, volumes } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, bodies, text } from './schema.ts';
import { classicVolume } from './volume.ts';

/** What one device is now. Its link comes from the device-list API (`snapshotLnks`): the volume's own flag may lag. */
export async function readDeviceState(
  unisphere: Unisphere,
  device: DeviceId,
  signal: AbortSignal,
): Promise<DeviceState | undefined> {
  const { endpoint } = await unisphere.version(signal);
  const volumePath = `/restapi${volumes(endpoint, unisphere.arrayId)}/${device}`;
  const found = bodyIfFound(await unisphere.read(volumePath, signal), `show device "${device}"`);
  if (found === undefined) return undefined;
  const volume = classicVolume(asBody(found, `device "${device}"`));
  const sessionsPath = `/restapi${snapshotsOfDevice(endpoint, unisphere.arrayId, device)}`;
  // A device that is neither source nor target is refused as not found by older releases.
  const sessions = bodyIfFound(await unisphere.read(sessionsPath, signal), `show the links of device "${device}"`);
  const links = sessions === undefined ? [] : bodies(asBody(sessions, `links of device "${device}"`), 'snapshotLnks');
  const linkSource = links.map((link) => text(link, 'linkSourceName', 'link_source_name')).find(Boolean);
  const identity = volume.effectiveWwn ?? volume.wwn;
  return {
    id: device,
    effectiveWwn: identity === undefined ? undefined : wwn(identity),
    storageGroups: volume.storageGroups,
    linkSource: linkSource === undefined ? undefined : deviceId(linkSource),
  };
}
