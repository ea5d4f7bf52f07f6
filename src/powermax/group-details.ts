import { type DeviceId, deviceId } from '../ports/identity.ts';
import type { DevicePair } from '../ports/storage-array.ts';
import { type Body, bodies, count, flag, text } from './schema.ts';
import { snapshotTimeMs } from './snapshot-time.ts';

/** One snapshot as a storage group shows it: of all its members that have it. */
export interface GroupSnapshot {
  /** Undefined where the answer has none: arrays before 5978.669. */
  readonly snapId: number | undefined;
  readonly createdAtMs: number | undefined;
  readonly sources: readonly DeviceId[];
  /** A target in several groups is one link. Targets in no group are not told. */
  readonly links: readonly (DevicePair & { readonly defined: boolean })[];
}

/**
 * `GET …/storagegroup/{group}/snapshot/{name}/snapid/{id}` answers in snake_case, `…/generation/{n}` and changes in camelCase
 * (Unisphere 10.0 OpenAPI); both are read alike.
 */
export function groupSnapshotOf(body: Body): GroupSnapshot {
  const links = new Map<string, DevicePair & { readonly defined: boolean }>();
  for (const row of bodies(body, 'linked_storage_group', 'linkedStorageGroup')) {
    const source = text(row, 'source_volume_name', 'sourceVolumeName');
    const target = text(row, 'linked_volume_name', 'linkedVolumeName');
    if (source === undefined || target === undefined) continue;
    const link = { source: deviceId(source), target: deviceId(target), defined: flag(row, 'defined') };
    links.set(`${source} ${target}`, link);
  }
  return {
    snapId: count(body, 'snapid', 'snap_id', 'snapId'),
    createdAtMs: snapshotTimeMs(text(body, 'timestamp')),
    sources: bodies(body, 'source_volume', 'sourceVolume').flatMap((volume) => {
      const name = text(volume, 'name');
      return name === undefined ? [] : [deviceId(name)];
    }),
    links: [...links.values()],
  };
}
