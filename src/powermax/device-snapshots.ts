import { type DeviceId, deviceId } from '../ports/identity.ts';
import type { SnapshotOfDevice } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { snapshotsOfDevice } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, type Body, bodies, count, flag, text } from './schema.ts';
import { snapshotTimeMs } from './snapshot-time.ts';

/**
 * The snapshots of this name whose source the device is, all generations, asked from the device-list API. That it is not behind the
 * array as the object model is assumed, not published. Empty when there is none.
 */
export async function readDeviceSnapshots(
  unisphere: Unisphere,
  device: DeviceId,
  name: string,
  signal: AbortSignal,
): Promise<readonly SnapshotOfDevice[]> {
  const { endpoint } = await unisphere.version(signal);
  const path = `/restapi${snapshotsOfDevice(endpoint, unisphere.arrayId, device)}/${encodeURIComponent(name)}`;
  const what = `snapshot "${name}" of device "${device}"`;
  const body = bodyIfFound(await unisphere.read(path, signal), `show ${what}`);
  return body === undefined ? [] : deviceSnapshots(asBody(body, what), device).filter((one) => one.name === name);
}

/** Reads the plural form (all sessions of a device) and the singular form (one name) of the private resource alike. */
export function deviceSnapshots(body: Body, source: DeviceId): readonly SnapshotOfDevice[] {
  return bodies(body, 'snapshotSrcs', 'snapshotSrc').flatMap((snapshot) => {
    const name = text(snapshot, 'snapshotName', 'snapshot_name');
    if (name === undefined) return [];
    const linkedTargets = bodies(snapshot, 'linkedDevices', 'linkedDevice').flatMap((link) => {
      const target = text(link, 'targetDevice', 'target_device');
      // A restore session shows as a link of the source to itself.
      return target !== undefined && target.toUpperCase() !== source && isLinked(link)
        ? [{ target: deviceId(target), defined: flag(link, 'defined') }]
        : [];
    });
    const snapId = count(snapshot, 'snap_id', 'snapId', 'snapid');
    return [{ name, snapId, source, createdAtMs: snapshotTimeMs(text(snapshot, 'timestamp')), linkedTargets }];
  });
}

/** Fixtures of older releases leave `linked` out of a link row; a row is there because the link is. */
function isLinked(link: Body): boolean {
  return link.linked === undefined || flag(link, 'linked');
}
