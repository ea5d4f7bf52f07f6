import { SnaphookError } from '../../../../src/ports/errors.ts';
import type { ArrayId, DeviceId, Wwn } from '../../../../src/ports/identity.ts';
import type {
  RestoreState,
  SnapshotGroup,
  SnapshotOfDevice,
  SnapshotOn,
  StorageArray,
} from '../../../../src/ports/storage-array.ts';

export interface MemorySnapshot {
  readonly name: string;
  readonly snapId: number;
  readonly source: DeviceId;
  readonly createdAtMs: number;
  readonly targets: Set<DeviceId>;
  /** Absent: not being written back. */
  restore?: RestoreState;
}

/** An array that keeps what `reap` looks at and changes, with the refusals of a real one. Its lists tell no times, as real ones. */
export class MemoryArray implements StorageArray {
  readonly id: ArrayId;
  readonly devices = new Map<DeviceId, { readonly wwn: Wwn; readonly groups: Set<string> }>();
  readonly snapshots: MemorySnapshot[] = [];

  constructor(id: ArrayId) {
    this.id = id;
  }

  /** Everything there is, in an order that does not depend on history. */
  dump(): readonly string[] {
    const snapshots = this.snapshots.map(
      ({ name, snapId, source, createdAtMs, targets }) =>
        `snapshot ${source} ${name} ${snapId} ${createdAtMs} -> ${[...targets].sort().join(' ')}`,
    );
    const devices = [...this.devices].map(
      ([id, { wwn, groups }]) => `device ${id} ${wwn} ${[...groups].sort().join(' ')}`,
    );
    return [...snapshots, ...devices].sort();
  }

  linkOf(target: DeviceId): MemorySnapshot | undefined {
    return this.snapshots.find(({ targets }) => targets.has(target));
  }

  async listSnapshots({ namePrefix }: { readonly namePrefix: string }): Promise<readonly SnapshotOfDevice[]> {
    return this.snapshots
      .filter(({ name }) => name.startsWith(namePrefix))
      .map((one) => ({ ...shown(one), createdAtMs: undefined }));
  }

  async findSnapshots(request: { readonly name: string; readonly devices: readonly DeviceId[] }) {
    return this.snapshots
      .filter(({ name, source }) => name === request.name && request.devices.includes(source))
      .map(shown);
  }

  async inspect(devices: readonly DeviceId[]) {
    return devices.map((id) => {
      const device = this.devices.get(id);
      return (
        device && {
          id,
          effectiveWwn: device.wwn,
          storageGroups: [...device.groups],
          linkSource: this.linkOf(id)?.source,
        }
      );
    });
  }

  async inventory({ pool }: { readonly pool: string }) {
    const members = [...this.devices].filter(([, { groups }]) => groups.has(pool));
    return {
      sources: [],
      clues: [],
      pool: members.map(([id, { wwn, groups }]) => ({
        id,
        effectiveWwn: wwn,
        wwn,
        identifier: undefined,
        cylinders: 1,
        emulation: 'FBA',
        type: 'TDEV',
        snapshotSource: false,
        linkTarget: this.linkOf(id) !== undefined,
        storageGroups: [...groups],
        maskingViews: [],
      })),
    };
  }

  async unlink({ name, snapId, pairs }: Parameters<StorageArray['unlink']>[0]): Promise<void> {
    for (const { source, target } of pairs) {
      for (const snapshot of this.#named(name, snapId, [source])) snapshot.targets.delete(target);
    }
  }

  async terminate({ name, snapId, devices }: Parameters<StorageArray['terminate']>[0]): Promise<void> {
    const found = this.#named(name, snapId, devices);
    if (found.some(({ targets }) => targets.size > 0)) {
      throw new SnaphookError('E_ARRAY_REFUSED', `snapshot "${name}" is linked`, { effect: 'none' });
    }
    for (const snapshot of found) this.snapshots.splice(this.snapshots.indexOf(snapshot), 1);
  }

  async restore({ name, snapId, devices }: SnapshotOn): Promise<void> {
    for (const snapshot of this.#named(name, snapId, devices)) snapshot.restore = 'restored';
  }

  async restoreStates({ name, snapId, devices }: SnapshotOn): Promise<readonly RestoreState[]> {
    return devices.map((device) => this.#named(name, snapId, [device])[0]?.restore ?? 'none');
  }

  async endRestore({ name, snapId, devices }: SnapshotOn): Promise<void> {
    for (const snapshot of this.#named(name, snapId, devices)) snapshot.restore = 'none';
  }

  async removeFromStorageGroup({ storageGroup, devices }: Parameters<StorageArray['removeFromStorageGroup']>[0]) {
    for (const device of devices) this.devices.get(device)?.groups.delete(storageGroup);
  }

  async listSnapshotGroups(): Promise<readonly SnapshotGroup[]> {
    return [];
  }

  recall(): void {}
  limits = (): never => unused('limits');
  sourceLoads = (): never => unused('sourceLoads');
  servers = (): never => unused('servers');
  makeSnapshotGroup = (): never => unused('makeSnapshotGroup');
  removeSnapshotGroups = (): never => unused('removeSnapshotGroups');
  facts = (): never => unused('facts');
  warm = (): never => unused('warm');
  establish = (): never => unused('establish');
  link = (): never => unused('link');
  storageContainers = (): never => unused('storageContainers');
  presentations = (): never => unused('presentations');
  createDevices = (): never => unused('createDevices');
  addToStorageGroup = (): never => unused('addToStorageGroup');
  async close(): Promise<void> {}

  #named(name: string, snapId: number | undefined, sources: readonly DeviceId[]): readonly MemorySnapshot[] {
    return this.snapshots.filter(
      (one) => one.name === name && sources.includes(one.source) && (snapId === undefined || one.snapId === snapId),
    );
  }
}

const shown = ({ name, snapId, source, createdAtMs, targets }: MemorySnapshot): SnapshotOfDevice => ({
  name,
  snapId,
  source,
  createdAtMs,
  linkedTargets: [...targets].map((target) => ({ target, defined: true })),
});

/** Cleaning up makes nothing: a call of these is a defect. */
export function unused(call: string): never {
  throw new TypeError(`cleaning up called "${call}"`);
}
