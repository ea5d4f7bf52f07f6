import { type DeviceId, deviceId, wwn } from '../ports/identity.ts';
import type { Device } from '../ports/storage-array.ts';
import type { DeviceIdentities } from './identity.ts';
import { type Body, bodies, count, flag, text, texts, unexpectedAnswer } from './schema.ts';

/** A volume as one of the two APIs shows it; masking views are known from the bulk read only. */
export interface Volume extends DeviceIdentities {
  readonly id: DeviceId;
  readonly identifier: string | undefined;
  readonly cylinders: number;
  readonly emulation: string;
  readonly type: string;
  readonly snapshotSource: boolean;
  readonly linkTarget: boolean;
  readonly storageGroups: readonly string[];
}

export type MaskingView = Device['maskingViews'][number];

const lowerHex = (value: string | undefined) =>
  value !== undefined && /^[0-9a-fA-F]{32}$/.test(value) ? value.toLowerCase() : undefined;

function volumeOf(body: Body, id: string | undefined, storageGroups: readonly string[]): Volume {
  if (id === undefined || !/^[0-9A-Fa-f]{5}$/.test(id)) throw unexpectedAnswer('a volume', 'no device id');
  return {
    id: deviceId(id),
    identifier: text(body, 'volume_identifier', 'volumeIdentifier', 'identifier'),
    wwn: lowerHex(text(body, 'wwn')),
    effectiveWwn: lowerHex(text(body, 'effective_wwn', 'effectiveWwn')),
    nguid: lowerHex(text(body, 'nguid')),
    cylinders: Math.round(count(body, 'cap_cyl', 'capCyl') ?? 0),
    emulation: text(body, 'emulation') ?? '',
    type: text(body, 'type') ?? '',
    snapshotSource: flag(body, 'snapvx_source', 'snapvxSource'),
    linkTarget: flag(body, 'snapvx_target', 'snapvxTarget'),
    storageGroups,
  };
}

/** `GET sloprovisioning/symmetrix/{id}/volume/{device}` (Unisphere 10.0 OpenAPI). */
export function classicVolume(body: Body): Volume {
  return volumeOf(body, text(body, 'volumeId', 'volume_id'), texts(body, 'storageGroupId', 'storage_group_id'));
}

/** One row of `GET rest/v1/systems/{id}/volumes` (Unisphere 10.3 OpenAPI). */
export interface BulkVolume {
  readonly volume: Volume;
  readonly maskingViews: readonly MaskingView[];
  /** Whether the WWN is a mobility id; undefined where the list does not tell. */
  readonly mobilityId: boolean | undefined;
}

export function bulkVolume(body: Body): BulkVolume {
  const groups = bodies(body, 'storage_groups').flatMap((group) => text(group, 'id') ?? []);
  const maskingViews = bodies(body, 'masking_views').flatMap((view) => {
    const id = text(view, 'id');
    return id === undefined ? [] : [{ id, host: bodies(view, 'host').map((host) => text(host, 'id'))[0] }];
  });
  const told = body.mobility_id_enabled ?? undefined;
  const mobilityId = told === undefined ? undefined : flag(body, 'mobility_id_enabled');
  return { volume: volumeOf(body, text(body, 'id'), groups), maskingViews, mobilityId };
}

/** Storage group names keep their case but are the same in any case. */
export function isInGroup(volume: Volume, storageGroup: string): boolean {
  const wanted = storageGroup.toLowerCase();
  return volume.storageGroups.some((group) => group.toLowerCase() === wanted);
}

/** Undefined for a volume without any WWN: no open-systems host can see it. */
export function deviceOf(volume: Volume, maskingViews: readonly MaskingView[]): Device | undefined {
  const identity = volume.effectiveWwn ?? volume.wwn;
  if (identity === undefined) return undefined;
  const { id, identifier, cylinders, emulation, type, snapshotSource, linkTarget, storageGroups } = volume;
  const effectiveWwn = wwn(identity);
  const own = volume.wwn === undefined ? undefined : wwn(volume.wwn);
  return {
    id,
    effectiveWwn,
    wwn: own,
    identifier,
    cylinders,
    emulation,
    type,
    snapshotSource,
    linkTarget,
    storageGroups,
    maskingViews,
  };
}
