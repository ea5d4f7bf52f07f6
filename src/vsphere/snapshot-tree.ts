import { type MoRef, moRef } from '../ports/identity.ts';
import type { SnapshotDisk, VmSnapshot } from '../ports/vm-snapshots.ts';
import { arrayItems, boolean, child, children, dateTime, integer, ref, text, typeOf } from './decode.ts';
import { guestDiskUuid } from './disks.ts';

/** Every snapshot of a VM's `snapshot` property; none when it has none. */
export function snapshotsIn(vm: MoRef, info: unknown): readonly VmSnapshot[] {
  const below = (nodes: readonly unknown[]): readonly VmSnapshot[] =>
    nodes.flatMap((node) => {
      const id = ref(child(node, 'snapshot'))?.id;
      if (id === undefined) return [];
      const snapshot: VmSnapshot = {
        vm,
        moRef: moRef(id),
        name: text(child(node, 'name')) ?? '',
        description: text(child(node, 'description')) ?? '',
        createdAtMs: dateTime(child(node, 'createTime'))?.getTime(),
        quiesced: boolean(child(node, 'quiesced')) ?? false,
      };
      return [snapshot, ...below(children(node, 'childSnapshotList'))];
    });
  return below(children(info, 'rootSnapshotList'));
}

/** Disks of a snapshot's `config.hardware.device`, which also lists those that are no part of it. */
export function disksInSnapshot(devices: unknown): readonly SnapshotDisk[] {
  return arrayItems(devices).flatMap((device) => {
    const backing = child(device, 'backing');
    const fileName = text(child(backing, 'fileName'));
    const isIndependent = text(child(backing, 'diskMode'))?.startsWith('independent') ?? false;
    const isPhysical = text(child(backing, 'compatibilityMode')) === 'physicalMode';
    if (typeOf(device) !== 'VirtualDisk' || fileName === undefined || isIndependent || isPhysical) return [];
    return [
      {
        key: integer(child(device, 'key')) ?? -1,
        diskUuid: guestDiskUuid(text(child(backing, 'uuid'))),
        fileName,
        capacityBytes:
          integer(child(device, 'capacityInBytes')) ?? (integer(child(device, 'capacityInKB')) ?? 0) * 1024,
      },
    ];
  });
}
