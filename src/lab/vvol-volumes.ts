import type { DeviceStore } from './devices/device-store.ts';
import { vvolWwn } from './estate-identity.ts';
import type { VirtualVolumes } from './vcenter/storage-side.ts';

/** Volumes of snapshots have identities of their own, of the array's family: device and snap id stand in the last 17 digits. */
const SNAPSHOT_FAMILY = 'naa.600009700bcbb71';
const SNAPSHOT_PATTERN = /^naa\.600009700bcbb71([0-9a-f]{5})([0-9a-f]{12})$/;

interface Volume {
  readonly device: string;
  /** Undefined: the volume in use. */
  readonly snapId: number | undefined;
}

/**
 * The array's side of vVols: a VM snapshot of vSphere is a snapshot of the volumes' devices that the array makes for the VASA
 * provider, whether or not it takes such snapshots from users.
 */
export class VvolVolumes implements VirtualVolumes {
  readonly #store: DeviceStore;
  readonly #devices: ReadonlyMap<string, string>;
  #taken = 0;

  constructor(store: DeviceStore, vvolDevices: readonly string[]) {
    this.#store = store;
    this.#devices = new Map(vvolDevices.map((device) => [`naa.${vvolWwn(device)}`, device]));
  }

  snapshot(objectIds: readonly string[]): readonly string[] {
    if (objectIds.length === 0) return [];
    const devices = objectIds.map((id) => this.#volume(id).device);
    this.#taken += 1;
    const { snapId } = this.#store.establish({ name: `VASA-${Date.now().toString(36)}-${this.#taken}`, devices });
    return devices.map((device) => `${SNAPSHOT_FAMILY}${device.toLowerCase()}${snapId.toString(16).padStart(12, '0')}`);
  }

  remove(snapshotId: string): void {
    const { device, snapId } = this.#volume(snapshotId);
    const found = this.#store.snapshots(device).find((snapshot) => snapshot.snapId === snapId);
    if (!found || snapId === undefined) return;
    this.#store.terminate({ name: found.name, select: { snapId }, devices: [device] });
  }

  revert(objectId: string, snapshotId: string): void {
    const content = this.#read(snapshotId);
    this.#store.open(this.#volume(objectId).device).write(0, content.read(0, content.sizeBytes));
  }

  /** The bytes of a volume, or of a point in time of it. */
  read(objectId: string, lengthBytes: number): Buffer {
    return this.#read(objectId).read(0, lengthBytes);
  }

  #read(objectId: string) {
    const { device, snapId } = this.#volume(objectId);
    return snapId === undefined ? this.#store.open(device) : this.#store.readSnapshot(device, snapId);
  }

  #volume(objectId: string): Volume {
    const device = this.#devices.get(objectId);
    if (device !== undefined) return { device, snapId: undefined };
    const [, source, snapId] = SNAPSHOT_PATTERN.exec(objectId) ?? [];
    if (source === undefined || snapId === undefined) throw new Error(`the array has no volume "${objectId}"`);
    return { device: source.toUpperCase(), snapId: Number.parseInt(snapId, 16) };
  }
}
