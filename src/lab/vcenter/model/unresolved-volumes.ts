import { readVmfsHeader, type VmfsExtentHeader } from '../../devices/vmfs-header.ts';
import { isMountedOn, vmfsUuid } from '../properties/datastore-properties.ts';
import type { HostPaths, ReachedDevice } from '../storage-side.ts';
import { hostsMounting } from './inventory-tree.ts';
import { datastoresOf, type Model } from './model.ts';
import type { DatastoreRecord, HostRecord } from './records.ts';

export interface UnresolvedExtent {
  readonly device: ReachedDevice;
  readonly header: VmfsExtentHeader;
}

/** A VMFS volume on devices that are not the ones its file system is known on: a copy. */
export interface UnresolvedVolume {
  readonly label: string;
  /** Of the file system; of the logical volume below it while the head extent is missing. */
  readonly uuid: string;
  /** Extents it should have. */
  readonly count: number;
  /** By their place. */
  readonly extents: readonly UnresolvedExtent[];
  readonly incompleteExtents: boolean;
  /** Two devices claim the same place. */
  readonly multipleCopies: boolean;
  readonly reason: 'uuidConflict' | 'diskIdMismatch';
}

export interface HostView {
  readonly model: Model;
  readonly host: HostRecord;
  readonly paths: HostPaths;
}

/** Devices that the host found in its last scan, still reaches and has not detached. */
export function usableDevices({ host, paths }: HostView): readonly ReachedDevice[] {
  const scanned = new Set(host.spec.scsiLuns.map(({ canonicalName }) => canonicalName));
  return (paths.reached(host.name) ?? []).filter(
    ({ canonicalName }) => scanned.has(canonicalName) && !host.detachedLuns.has(canonicalName),
  );
}

/** Does the host read the datastore's own volume on all its extents? Undefined where nothing is known of its paths. */
export function seesVolumeOf(view: HostView, { spec }: DatastoreRecord): boolean | undefined {
  if (spec.type !== 'VMFS' || view.paths.reached(view.host.name) === undefined) return undefined;
  const devices = new Map(usableDevices(view).map((device) => [device.canonicalName, device]));
  const headers = spec.extents.map((name) => {
    const device = devices.get(name);
    return device && readVmfsHeader(device.content);
  });
  const [head] = headers;
  return head?.fileSystem?.uuid === vmfsUuid(spec) && headers.every((header) => header?.volumeUuid === head.volumeUuid);
}

export function unresolvedVolumes(view: HostView): readonly UnresolvedVolume[] {
  const { model, host } = view;
  const datastores = datastoresOf(model);
  const known = new Set(
    datastores.flatMap((datastore) =>
      datastore.spec.type === 'VMFS' && seesVolumeOf(view, datastore) ? datastore.spec.extents : [],
    ),
  );
  const found = usableDevices(view).flatMap((device): readonly UnresolvedExtent[] => {
    const { canonicalName } = device;
    const isCandidate = host.searchedLuns.has(canonicalName) && !known.has(canonicalName);
    const header = isCandidate ? readVmfsHeader(device.content) : undefined;
    return header ? [{ device, header }] : [];
  });
  return [...new Set(found.map(({ header }) => header.volumeUuid))].map((volumeUuid) => {
    const extents = found
      .filter(({ header }) => header.volumeUuid === volumeUuid)
      .sort((a, b) => a.header.index - b.header.index);
    const places = new Set(extents.map(({ header }) => header.index));
    const count = extents[0]?.header.count ?? 0;
    const fileSystem = extents.find(({ header }) => header.fileSystem)?.header.fileSystem;
    const uuid = fileSystem?.uuid ?? volumeUuid;
    const isMounted = datastores.some(
      (datastore) =>
        datastore.spec.type === 'VMFS' &&
        vmfsUuid(datastore.spec) === uuid &&
        hostsMounting(datastore).includes(host) &&
        isMountedOn(host, datastore),
    );
    return {
      label: fileSystem?.label ?? '',
      uuid,
      count,
      extents,
      incompleteExtents: places.size < count,
      multipleCopies: places.size < extents.length,
      reason: isMounted ? 'uuidConflict' : 'diskIdMismatch',
    };
  });
}
