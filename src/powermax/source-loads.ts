import type { DeviceId } from '../ports/identity.ts';
import type { ArrayLimits, SnapVxApi, SourceLoad } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { readBulkVolumes } from './lists.ts';
import { snapshotsOfDevice } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, type Body, bodies, flag, text, texts } from './schema.ts';
import { hasSnapIds } from './version.ts';

/** Published by the vendor, or coded in its clients; for lists of devices the number is that of storage groups (not confirmed). */
export const limitsOf = (microcode: string): ArrayLimits => ({
  snapshotsPerSource: hasSnapIds(microcode) ? 1024 : 256,
  targetsPerSource: 1024,
  devicesPerSet: 4096,
  timeToLiveHours: 400 * 24,
});

/** One bulk list for all devices where the release has it; else one read a device, which also tells the links. */
export async function readSourceLoads(
  unisphere: Unisphere,
  api: SnapVxApi,
  devices: readonly DeviceId[],
  signal: AbortSignal,
): Promise<readonly SourceLoad[]> {
  if (devices.length === 0) return [];
  const { bulkReads } = await unisphere.version(signal);
  const rows =
    bulkReads && (devices.length > 1 || api === 'storage-group')
      ? await readBulkVolumes(
          unisphere,
          { select: ['id', 'snapshots.name', 'snapshots.restored'], filter: 'num_of_snapshots gt 0' },
          signal,
        )
      : undefined;
  if (rows !== undefined) return devices.flatMap((device) => rows.flatMap((row) => bulkLoad(row, device)));
  if (api === 'storage-group') return [];
  return Promise.all(devices.map((device) => readLoad(unisphere, device, signal)));
}

function bulkLoad(row: Body, device: DeviceId): readonly SourceLoad[] {
  if (text(row, 'id') !== device) return [];
  const snapshots = bodies(row, 'snapshots');
  const isRestoring = snapshots.some((snapshot) => flag(snapshot, 'restored'));
  return [{ device, snapshots: snapshots.length, linkedTargets: undefined, isRestoring }];
}

async function readLoad(unisphere: Unisphere, device: DeviceId, signal: AbortSignal): Promise<SourceLoad> {
  const { endpoint } = await unisphere.version(signal);
  const path = `/restapi${snapshotsOfDevice(endpoint, unisphere.arrayId, device)}`;
  const what = `snapshots of device "${device}"`;
  const found = bodyIfFound(await unisphere.read(path, signal), `show the ${what}`);
  const snapshots = found === undefined ? [] : bodies(asBody(found, what), 'snapshotSrcs', 'snapshotSrc');
  return {
    device,
    snapshots: snapshots.length,
    linkedTargets: snapshots.flatMap((snapshot) => bodies(snapshot, 'linkedDevices', 'linkedDevice')).length,
    isRestoring: snapshots.some(isRestored),
  };
}

/** The state is one text here, a list of texts elsewhere. */
const isRestored = (snapshot: Body): boolean =>
  flag(snapshot, 'isRestored', 'restored') || texts(snapshot, 'state').some((state) => /restored/i.test(state));
