import type { DeviceStore } from './devices/device-store.ts';
import { CYLINDER_BYTES } from './devices/store-contract.ts';
import { deviceName, vvolWwn } from './estate-identity.ts';
import type { VirtualVolumes } from './vcenter/storage-side.ts';

/** Volumes of snapshots have identities of their own, of the array's family: device and snap id stand in the last 17 digits. */
const SNAPSHOT_FAMILY = 'naa.600009700bcbb71';
const SNAPSHOT_PATTERN = /^naa\.600009700bcbb71([0-9a-f]{5})([0-9a-f]{12})$/;

/** Tells the array which of its devices are vVols. */
interface VasaProvider {
  bind(device: string, wwn: string): void;
  unbind(device: string): void;
}

/** Devices that are made for vSphere: above all that the lab begins with. */
const FIRST_MADE = 0xa0000;

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
  readonly #vasa: VasaProvider;
  readonly #devices: Map<string, string>;
  readonly #made = new Set<string>();
  #taken = 0;

  constructor(store: DeviceStore, vvolDevices: readonly string[], vasa: VasaProvider) {
    this.#store = store;
    this.#vasa = vasa;
    this.#devices = new Map(vvolDevices.map((device) => [`naa.${vvolWwn(device)}`, device]));
  }

  snapshot(objectIds: readonly string[]): readonly string[] {
    if (objectIds.length === 0) return [];
    const devices = objectIds.map((id) => this.#volume(id).device);
    this.#taken += 1;
    const { snapId } = this.#store.establish({ name: `VASA-${Date.now().toString(36)}-${this.#taken}`, devices });
    return devices.map((device) => `${SNAPSHOT_FAMILY}${device.toLowerCase()}${snapId.toString(16).padStart(12, '0')}`);
  }

  remove(objectId: string): void {
    const { device, snapId } = this.#volume(objectId);
    if (this.#made.has(objectId)) {
      this.#vasa.unbind(device);
      this.#store.deleteDevice(device);
      this.#devices.delete(objectId);
      this.#made.delete(objectId);
      return;
    }
    const found = this.#store.snapshots(device).find((snapshot) => snapshot.snapId === snapId);
    if (!found || snapId === undefined) return;
    this.#store.terminate({ name: found.name, select: { snapId }, devices: [device] });
  }

  copy(objectIds: readonly string[]): readonly string[] {
    return objectIds.map((objectId) => {
      const source = this.#read(objectId);
      const copy = this.create(source.sizeBytes);
      this.write(copy, 0, source.read(0, source.sizeBytes));
      return copy;
    });
  }

  create(capacityBytes: number): string {
    const device = this.#freeDevice();
    this.#store.createDevice({ id: device, cylinders: Math.ceil(capacityBytes / CYLINDER_BYTES) });
    this.#vasa.bind(device, vvolWwn(device));
    const objectId = `naa.${vvolWwn(device)}`;
    this.#devices.set(objectId, device);
    this.#made.add(objectId);
    return objectId;
  }

  write(objectId: string, atBytes: number, bytes: Buffer): void {
    this.#store.open(this.#volume(objectId).device).write(atBytes, bytes);
  }

  #freeDevice(): string {
    for (let number = FIRST_MADE; ; number += 1) {
      const device = deviceName(number);
      if (!this.#store.device(device)) return device;
    }
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
