import type { DeviceId } from '../../../src/ports/identity.ts';
import type { Device, DeviceState } from '../../../src/ports/storage-array.ts';
import type { ArraySystem } from './array-system.ts';

const groupsOf = (system: ArraySystem, id: DeviceId): readonly string[] =>
  [...system.groups].filter(([, members]) => members.has(id)).map(([name]) => name);

/** A device as lists show it: they lag behind. */
export function deviceFacts(system: ArraySystem, id: DeviceId): Device {
  const device = system.devices.get(id);
  if (!device) throw new TypeError(`no device ${id}`);
  const groups = groupsOf(system, id);
  return {
    id,
    effectiveWwn: device.wwn,
    wwn: device.wwn,
    identifier: device.made?.identifier,
    cylinders: device.cylinders,
    emulation: 'FBA',
    type: 'TDEV',
    snapshotSource: system.listed.some(({ source }) => source === id),
    linkTarget: system.listed.some(({ links }) => links.some(({ target }) => target === id)),
    storageGroups: groups,
    maskingViews: system.views
      .filter(({ group }) => groups.includes(group))
      .map(({ id: view, host }) => ({ id: view, host })),
  };
}

/** A device as it is when it is asked itself. */
export function deviceState(system: ArraySystem, id: DeviceId): DeviceState | undefined {
  const device = system.devices.get(id);
  if (!device) return undefined;
  const shown = system.snapshots.find(({ links }) => links.some(({ target }) => target === id));
  return { id, effectiveWwn: device.wwn, storageGroups: groupsOf(system, id), linkSource: shown?.source };
}
