import { type MoRef, moRef } from '../ports/identity.ts';
import type { SnapshotDisk, VmSnapshot } from '../ports/vm-snapshots.ts';
import { arrayItems, boolean, child, children, dateTime, integer, ref, text, typeOf } from './decode.ts';
import { capacityBytes, guestDiskUuid } from './disks.ts';
import { displayName } from './managed-entity.ts';

/** Every snapshot of a VM's `snapshot` property; none when it has none. */
export function snapshotsIn(vm: MoRef, info: unknown): readonly VmSnapshot[] {
  const below = (nodes: readonly unknown[]): readonly Omit<VmSnapshot, 'isOnly'>[] =>
    nodes.flatMap((node) => {
      const later = below(children(node, 'childSnapshotList'));
      const id = ref(child(node, 'snapshot'))?.id;
      if (id === undefined) return later;
      const snapshot = {
        vm,
        moRef: moRef(id),
        name: displayName(text(child(node, 'name')) ?? ''),
        description: text(child(node, 'description')) ?? '',
        createdAtMs: dateTime(child(node, 'createTime'))?.getTime(),
        quiesced: boolean(child(node, 'quiesced')) ?? false,
      };
      return [snapshot, ...later];
    });
  const all = below(children(info, 'rootSnapshotList'));
  return all.map((snapshot) => ({ ...snapshot, isOnly: all.length === 1 }));
}

/** Disks of a snapshot's `config.hardware.device`, which also lists those that are no part of it. */
export function disksInSnapshot(devices: unknown): readonly SnapshotDisk[] {
  return arrayItems(devices).flatMap((device) => {
    const backing = child(device, 'backing');
    const fileName = text(child(backing, 'fileName'));
    const isIndependent = text(child(backing, 'diskMode'))?.startsWith('independent') ?? false;
    const changeId = text(child(backing, 'changeId'));
    const isPhysical = text(child(backing, 'compatibilityMode')) === 'physicalMode';
    if (typeOf(device) !== 'VirtualDisk' || fileName === undefined || isIndependent || isPhysical) return [];
    return [
      {
        key: integer(child(device, 'key')) ?? -1,
        diskUuid: guestDiskUuid(text(child(backing, 'uuid'))),
        fileName,
        capacityBytes: capacityBytes(device),
        ...(changeId && { changeId }),
      },
    ];
  });
}
