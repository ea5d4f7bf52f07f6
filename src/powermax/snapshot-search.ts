import { type DeviceId, deviceId } from '../ports/identity.ts';
import { nextLookMs } from '../ports/polling.ts';
import type { SnapshotOfDevice } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { readBulkVolumes } from './lists.ts';
import type { OwnEffect, OwnEffects } from './own-effects.ts';
import { type Body, bodies, count, flag, text } from './schema.ts';
import type { SnapVxWire } from './snapvx-wire.ts';

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
export function createSnapshotSearch(unisphere: Unisphere, wire: SnapVxWire, effects: OwnEffects, modelLagMs: number) {
  const { clock } = unisphere;
  const bulkIsRefused = { byName: false, byCount: false };

  const inBulk = async (by: keyof typeof bulkIsRefused, filter: string, signal: AbortSignal) => {
    const { bulkReads } = await unisphere.version(signal);
    if (!bulkReads || bulkIsRefused[by]) return undefined;
    const rows = await bulkSnapshots(unisphere, filter, signal);
    bulkIsRefused[by] = rows === undefined;
    return rows;
  };

  /**
   * Read at the devices. One that shows the opposite of what the array confirmed to this process is looked at again while its view
   * may be behind: whether that of device lists ever is, is not published.
   */
  const readSettled = async (
    name: string,
    devices: readonly DeviceId[],
    expected: ReadonlyMap<DeviceId, OwnEffect>,
    signal: AbortSignal,
  ): Promise<readonly SnapshotOfDevice[]> => {
    const settled: SnapshotOfDevice[] = [];
    const sinceMs = clock.monotonicMs();
    for (let waiting = devices; waiting.length > 0; ) {
      const read = await wire.find({ name, devices: waiting }, signal);
      const waitedMs = clock.monotonicMs() - sinceMs;
      const contradicting = waiting.filter((device) => {
        const effect = expected.get(device);
        return effect !== undefined && effect.exists !== read.some(({ source }) => source === device);
      });
      waiting = waitedMs < modelLagMs ? contradicting : [];
      settled.push(...read.filter(({ source }) => !waiting.includes(source)));
      if (waiting.length > 0) await clock.sleep(nextLookMs(waitedMs), signal);
    }
    return settled;
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
      const believed: SnapshotOfDevice[] = [];
      const doubted: DeviceId[] = [];
      for (const device of devices) {
        const rows = bulk?.filter((row) => row.source === device && row.name === name) ?? [];
        const effect = expected.get(device);
        const agreed = bulk && effect && agreeing(rows, effect);
        if (agreed) believed.push(...agreed);
        else doubted.push(device);
      }
      const read = await readSettled(name, doubted, expected, signal);
      const order = new Map(devices.map((device, index) => [device, index]));
      return [...believed, ...read].sort((a, b) => (order.get(a.source) ?? 0) - (order.get(b.source) ?? 0));
    },

    /** See `StorageArray.listSnapshots`: one list tells who has such a snapshot, linked ones are read in full. */
    async list(namePrefix: string, signal: AbortSignal): Promise<readonly SnapshotOfDevice[]> {
      const isOurs = ({ name }: { readonly name: string }) => name.startsWith(namePrefix);
      // Not by name: what `like` matches is not published, and a list too short would hide leftovers.
      const rows = (await inBulk('byCount', 'num_of_snapshots gt 0', signal))?.filter(isOurs);
      if (rows === undefined) {
        return readInFull(wire, await wire.namesBySource(namePrefix, signal), signal);
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
      return [...unlinked, ...(await readInFull(wire, linked, signal)).filter((one) => !isTold(one))];
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
  wire: SnapVxWire,
  named: readonly { readonly source: DeviceId; readonly name: string }[],
  signal: AbortSignal,
): Promise<readonly SnapshotOfDevice[]> {
  const sources = new Map<string, Set<DeviceId>>();
  // Several generations of one name are one read.
  for (const { name, source } of named) sources.set(name, (sources.get(name) ?? new Set()).add(source));
  const reads = [...sources].map(([name, devices]) => wire.find({ name, devices: [...devices] }, signal));
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
