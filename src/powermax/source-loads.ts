import type { DeviceId } from '../ports/identity.ts';
import type { ArrayLimits, SnapVxApi, SourceLoad } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { readBulkVolumes } from './lists.ts';
import { snapshotsOfDevice } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { isRestoreSession, isWritingBack } from './restores.ts';
import { asBody, type Body, bodies, flag, text, texts } from './schema.ts';
import { hasSnapIds } from './version.ts';

/**
 * Snapshots: what the vendor tells of 5978.669. Linked targets and members of a storage group: manuals and clients of others (third
 * party); that a list of devices may be as long as a group is not confirmed. The longest life: Solutions Enabler.
 */
export const limitsOf = (microcode: string): ArrayLimits => ({
  snapshotsPerSource: hasSnapIds(microcode) ? 1024 : 256,
  targetsPerSource: 1024,
  devicesPerSet: 4096,
  timeToLiveHours: 400 * 24,
});

/**
 * One bulk list for all devices where the release has it; else one read a device over the device-list API, which also tells the
 * links. Nothing where there is neither: storage groups tell nothing of a device, and snapshots of a group are not those of each
 * member.
 */
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
  if (rows !== undefined) {
    const rowOf = new Map(rows.map((row) => [text(row, 'id'), row]));
    return devices.map((device) => bulkLoad(rowOf.get(device), device));
  }
  if (api === 'storage-group') return [];
  return Promise.all(devices.map((device) => readLoad(unisphere, device, signal)));
}

/**
 * A device that the list leaves out has no snapshot (any more): its own flag may be behind. That `restored` is told while the array still
 * writes back is not published.
 */
function bulkLoad(row: Body | undefined, device: DeviceId): SourceLoad {
  const snapshots = row === undefined ? [] : bodies(row, 'snapshots');
  const isRestoring = snapshots.some((snapshot) => flag(snapshot, 'restored'));
  return { device, snapshots: snapshots.length, linkedTargets: undefined, isRestoring };
}

async function readLoad(unisphere: Unisphere, device: DeviceId, signal: AbortSignal): Promise<SourceLoad> {
  const { endpoint } = await unisphere.version(signal);
  const path = `/restapi${snapshotsOfDevice(endpoint, unisphere.arrayId, device)}`;
  const what = `snapshots of device "${device}"`;
  const found = bodyIfFound(await unisphere.read(path, signal), `show the ${what}`);
  const snapshots = found === undefined ? [] : bodies(asBody(found, what), 'snapshotSrcs', 'snapshotSrc');
  const links = snapshots.flatMap((snapshot) => bodies(snapshot, 'linkedDevices', 'linkedDevice'));
  const sessions = links.filter((link) => isRestoreSession(link, device));
  return {
    device,
    snapshots: snapshots.length,
    linkedTargets: links.length - sessions.length,
    isRestoring: sessions.length > 0 || snapshots.some((snapshot) => isRestored(snapshot) || isWritingBack(snapshot)),
  };
}

/** The state is one text here, a list of texts elsewhere. */
const isRestored = (snapshot: Body): boolean =>
  flag(snapshot, 'isRestored', 'restored') || texts(snapshot, 'state').some((state) => /restored/i.test(state));
