import type { DiskInventory } from '../inventory.ts';
import type { VirtualVolumes } from '../storage-side.ts';
import { applySetting, forgetLostTime, markPoints } from './change-tracking.ts';
import { asSnapshot, chainOf, fileOf, isInSnapshots, mergedOut, withDelta } from './disk-chains.ts';
import { allSnapshots, type Model } from './model.ts';
import type { SnapshotRecord, VmRecord } from './records.ts';

export interface NewSnapshot {
  readonly name: string;
  readonly description: string;
  readonly quiesced: boolean;
}

/** One instant for all disks that are part of snapshots; the VM goes on in new elements of their chains. */
export function createSnapshot(model: Model, vm: VmRecord, wanted: NewSnapshot, volumes: VirtualVolumes) {
  const captured = vm.spec.disks.filter(isInSnapshots);
  const vvols = captured.flatMap(({ backing }) => (backing.kind === 'vvol' ? [backing.backingObjectId] : []));
  const snapshotIds = new Map(
    volumes.snapshot(vvols).map((snapshotId, index) => [vvols[index] ?? '', snapshotId] as const),
  );
  const idOf = ({ backing }: DiskInventory) =>
    backing.kind === 'vvol' ? snapshotIds.get(backing.backingObjectId) : undefined;
  const asTaken = vm.spec.disks.map((disk) =>
    captured.includes(disk) ? { ...disk, backing: asSnapshot(disk.backing, idOf(disk)) } : disk,
  );
  const changeIds = markPoints(vm, asTaken, volumes);
  applySetting(vm);
  const names = deltaNames(vm);
  vm.spec = {
    ...vm.spec,
    disks: vm.spec.disks.map((disk) =>
      captured.includes(disk) ? { ...disk, backing: withDelta(disk.backing, names(disk), idOf(disk)) } : disk,
    ),
  };
  const before = currentOf(vm);
  const snapshot: SnapshotRecord = {
    id: `snapshot-${model.nextNumber()}`,
    vm,
    number: Math.max(0, ...allSnapshots(vm).map(({ number }) => number)) + 1,
    spec: { ...wanted, createTime: new Date().toISOString(), disks: asTaken },
    changeIds,
    children: [],
  };
  (before?.children ?? vm.snapshots).push(snapshot);
  makeCurrent(vm, snapshot);
  return snapshot;
}

export function currentOf(vm: VmRecord): SnapshotRecord | undefined {
  return allSnapshots(vm).find(({ spec }) => spec.current);
}

function makeCurrent(vm: VmRecord, current: SnapshotRecord | undefined): void {
  for (const snapshot of allSnapshots(vm)) {
    const { current: _before, ...rest } = snapshot.spec;
    snapshot.spec = snapshot === current ? { ...rest, current: true } : rest;
  }
}

/** Takes the entry out of the tree; its data stay where they are until `mergeUnused`. */
export function forgetSnapshot(snapshot: SnapshotRecord, withChildren: boolean): readonly SnapshotRecord[] {
  const { vm } = snapshot;
  const parent = allSnapshots(vm).find(({ children }) => children.includes(snapshot));
  const siblings = parent?.children ?? vm.snapshots;
  const gone = withChildren ? [snapshot, ...descendants(snapshot)] : [snapshot];
  const wasCurrent = gone.some(({ spec }) => spec.current);
  siblings.splice(siblings.indexOf(snapshot), 1, ...(withChildren ? [] : snapshot.children));
  if (wasCurrent) makeCurrent(vm, parent);
  return gone;
}

function descendants(snapshot: SnapshotRecord): readonly SnapshotRecord[] {
  return snapshot.children.flatMap((child) => [child, ...descendants(child)]);
}

/** Files in the VM's chains that belong neither to its present state nor to a snapshot. */
export function unusedFiles(vm: VmRecord): readonly string[] {
  const used = new Set(
    [vm.spec.disks, ...allSnapshots(vm).map(({ spec }) => spec.disks)].flat().map(({ backing }) => fileOf(backing)),
  );
  const below = vm.spec.disks.filter(isInSnapshots).flatMap(({ backing }) => chainOf(backing).slice(1));
  return [...new Set(below.flatMap((element) => fileOf(element) ?? []))].filter((file) => !used.has(file));
}

/** Merges one unused file into what was written above it. */
export function mergeFile(vm: VmRecord, file: string, volumes: VirtualVolumes): void {
  for (const { backing } of vm.spec.disks.filter(isInSnapshots)) {
    const merged = chainOf(backing).find((element) => fileOf(element) === file);
    if (merged?.kind === 'vvol') volumes.remove(merged.backingObjectId);
  }
  const without = (disk: DiskInventory) =>
    isInSnapshots(disk) ? { ...disk, backing: mergedOut(disk.backing, file) } : disk;
  vm.spec = { ...vm.spec, disks: vm.spec.disks.map(without) };
  for (const snapshot of allSnapshots(vm)) {
    snapshot.spec = { ...snapshot.spec, disks: snapshot.spec.disks.map(without) };
  }
}

/** The VM as it was, on new elements above the snapshot's; what it was since is lost. */
export function revertTo(snapshot: SnapshotRecord, volumes: VirtualVolumes): void {
  const { vm } = snapshot;
  const names = deltaNames(vm);
  const disks = snapshot.spec.disks.map((disk): DiskInventory => {
    const present = vm.spec.disks.find(({ key }) => key === disk.key);
    if (!isInSnapshots(disk)) return present ?? disk;
    if (disk.backing.kind !== 'vvol' || present?.backing.kind !== 'vvol') {
      return { ...disk, backing: withDelta(disk.backing, names(disk), undefined) };
    }
    const { backingObjectId } = present.backing;
    volumes.revert(backingObjectId, disk.backing.backingObjectId);
    return { ...disk, backing: { ...disk.backing, backingObjectId, fileName: names(disk), parent: disk.backing } };
  });
  vm.spec = { ...vm.spec, disks, powerState: 'poweredOff' };
  forgetLostTime(vm, volumes);
  makeCurrent(vm, snapshot);
}

/** Names for the next elements, `…-000001.vmdk` and so on, that no file of the VM has. */
function deltaNames(vm: VmRecord): (disk: DiskInventory) => string {
  const taken = new Set(
    [vm.spec.disks, ...allSnapshots(vm).map(({ spec }) => spec.disks)]
      .flat()
      .flatMap(({ backing }) => chainOf(backing).flatMap((element) => fileOf(element) ?? [])),
  );
  return ({ backing }) => {
    const base = (fileOf(backing) ?? '').replace(/(-\d{6})?\.vmdk$/, '');
    for (let number = 1; ; number += 1) {
      const name = `${base}-${String(number).padStart(6, '0')}.vmdk`;
      if (taken.has(name)) continue;
      taken.add(name);
      return name;
    }
  };
}
