import { type DeviceId, deviceId } from '../ports/identity.ts';
import type { SnapshotOfDevice } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { readDeviceSnapshots } from './device-snapshots.ts';
import { readBulkVolumes } from './lists.ts';
import type { OwnEffect, OwnEffects } from './own-effects.ts';
import { devicesWithSnapshots, query } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, type Body, bodies, count, flag, text } from './schema.ts';

const BULK_SELECT = ['id', 'snapshots.id', 'snapshots.name', 'snapshots.generation', 'snapshots.linked'];

interface BulkSnapshot {
  readonly source: DeviceId;
  readonly name: string;
  readonly snapId: number | undefined;
  readonly linked: boolean;
}

/**
 * Looks for snapshots, in bulk where the release can. What its bulk lists may be filtered by is published in part only: a
 * server that refuses such a list is asked device by device from then on.
 */
export function createSnapshotSearch(unisphere: Unisphere, effects: OwnEffects) {
  const bulkIsRefused = { byName: false, byCount: false };

  const inBulk = async (by: keyof typeof bulkIsRefused, filter: string, signal: AbortSignal) => {
    const { bulkReads } = await unisphere.version(signal);
    if (!bulkReads || bulkIsRefused[by]) return undefined;
    const rows = await bulkSnapshots(unisphere, filter, signal);
    bulkIsRefused[by] = rows === undefined;
    return rows;
  };

  return {
    /**
     * See `StorageArray.findSnapshots`. `defined` is false, and the time is left out, where only the bulk read was needed: it
     * does not tell them.
     */
    async find(
      { name, devices }: { readonly name: string; readonly devices: readonly DeviceId[] },
      signal: AbortSignal,
    ): Promise<readonly SnapshotOfDevice[]> {
      const expected = new Map<DeviceId, OwnEffect>();
      for (const device of devices) {
        const effect = effects.of(name, device);
        if (effect) expected.set(device, effect);
      }
      // One device is asked itself: one call as well, and it tells more.
      const bulk = expected.size > 1 ? await inBulk('byName', `snapshots.name eq ${name}`, signal) : undefined;
      const found = await Promise.all(
        devices.map((device) => {
          const rows = bulk?.filter((row) => row.source === device && row.name === name) ?? [];
          const effect = expected.get(device);
          const believed = bulk && effect && agreeing(rows, effect);
          return believed ?? readDeviceSnapshots(unisphere, device, name, signal);
        }),
      );
      return found.flat();
    },

    /** See `StorageArray.listSnapshots`: one list tells who has such a snapshot, linked ones are read in full. */
    async list(namePrefix: string, signal: AbortSignal): Promise<readonly SnapshotOfDevice[]> {
      const isOurs = ({ name }: { readonly name: string }) => name.startsWith(namePrefix);
      // Not by name: what `like` matches is not published, and a list too short would hide leftovers.
      const rows = (await inBulk('byCount', 'num_of_snapshots gt 0', signal))?.filter(isOurs);
      if (rows === undefined) {
        return readInFull(unisphere, (await namesBySource(unisphere, signal)).filter(isOurs), signal);
      }
      const complete = rows.filter((row) => !row.linked && row.snapId !== undefined);
      const linked = rows.filter((row) => !complete.includes(row));
      const unlinked = complete.map(({ name, snapId, source }) => ({
        name,
        snapId,
        source,
        createdAtMs: undefined,
        linkedTargets: [],
      }));
      const isTold = (one: SnapshotOfDevice) =>
        unlinked.some(
          ({ name, snapId, source }) => one.name === name && one.snapId === snapId && one.source === source,
        );
      return [...unlinked, ...(await readInFull(unisphere, linked, signal)).filter((one) => !isTold(one))];
    },
  };
}

/** The bulk rows of one device completed with the targets the array confirmed; undefined when the two contradict. */
function agreeing(rows: readonly BulkSnapshot[], effect: OwnEffect): readonly SnapshotOfDevice[] | undefined {
  if (!effect.exists) return rows.length === 0 ? [] : undefined;
  const [row] = rows;
  if (rows.length !== 1 || row?.snapId === undefined || row.linked !== effect.targets.length > 0) return undefined;
  const linkedTargets = effect.targets.map((target) => ({ target, defined: false }));
  return [{ name: row.name, snapId: row.snapId, source: row.source, createdAtMs: undefined, linkedTargets }];
}

async function readInFull(
  unisphere: Unisphere,
  named: readonly { readonly source: DeviceId; readonly name: string }[],
  signal: AbortSignal,
): Promise<readonly SnapshotOfDevice[]> {
  // Several generations of one name are one read.
  const distinct = new Map(named.map((one) => [`${one.source}/${one.name}`, one]));
  const reads = [...distinct.values()].map(({ source, name }) => readDeviceSnapshots(unisphere, source, name, signal));
  return (await Promise.all(reads)).flat();
}

async function bulkSnapshots(
  unisphere: Unisphere,
  filter: string,
  signal: AbortSignal,
): Promise<readonly BulkSnapshot[] | undefined> {
  const volumes = await readBulkVolumes(unisphere, { select: BULK_SELECT, filter }, signal);
  return volumes?.flatMap((volume) => {
    const id = text(volume, 'id');
    return id === undefined ? [] : bodies(volume, 'snapshots').flatMap((snapshot) => bulkSnapshot(id, snapshot));
  });
}

function bulkSnapshot(id: string, snapshot: Body): readonly BulkSnapshot[] {
  const name = text(snapshot, 'name');
  if (name === undefined) return [];
  return [{ source: deviceId(id), name, snapId: count(snapshot, 'id', 'snapid'), linked: flag(snapshot, 'linked') }];
}

/** Every source with its snapshot names. This list spells a snapshot `<device>-SRC-<name>-<generation>`. */
async function namesBySource(
  unisphere: Unisphere,
  signal: AbortSignal,
): Promise<readonly { readonly source: DeviceId; readonly name: string }[]> {
  const { endpoint } = await unisphere.version(signal);
  const path = devicesWithSnapshots(endpoint, unisphere.arrayId) + query({ includeDetails: 'true' });
  const found = bodyIfFound(await unisphere.read(`/restapi${path}`, signal), 'list devices with snapshots');
  if (found === undefined) return [];
  return bodies(asBody(found, 'devices with snapshots'), 'device').flatMap((device) => {
    const id = text(device, 'name');
    if (id === undefined) return [];
    return bodies(device, 'snapshot').flatMap((snapshot) => {
      const spelled = text(snapshot, 'name');
      return spelled === undefined ? [] : [{ source: deviceId(id), name: plainSnapshotName(spelled) }];
    });
  });
}

export function plainSnapshotName(spelled: string): string {
  return /^[0-9A-F]{5}-SRC-(.+)-\d+$/i.exec(spelled)?.[1] ?? spelled;
}
