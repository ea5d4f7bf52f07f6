import { BackgroundWork } from './background-work.ts';
import type { BlockDevice } from './block-device.ts';
import { createDevice, deleteDevice, expandDevice, setHostVisible } from './device-commands.ts';
import { link, materialise, relink, setCopyMode, unlink } from './link-commands.ts';
import { establish, rename, restore, setSecure, setTimeToLive, terminate } from './snapshot-commands.ts';
import { removeExpired } from './snapshot-lifetime.ts';
import { snapshotById } from './snapshot-selection.ts';
import { openDevice, openSnapshot } from './store-block-devices.ts';
import {
  type CreateDeviceRequest,
  type DeviceInfo,
  type DeviceStoreOptions,
  type EstablishRequest,
  type LinkRequest,
  type RenameRequest,
  type SecureRequest,
  type SnapshotInfo,
  type SnapshotRequest,
  StoreError,
  type TargetLink,
  type TerminateRequest,
  type TimeToLiveRequest,
  type TrackRun,
  type UnlinkRequest,
} from './store-contract.ts';
import { deviceOf, openStoreState, type StoreState } from './store-state.ts';
import { changedSince, deviceExtents, deviceInfo, snapshotExtents, snapshotInfo, targetLink } from './store-views.ts';

/**
 * The simulated array's devices with SnapVX semantics on real bytes, in one folder. Everything is synchronous: what a
 * call did is on disk when it returns, and an array of a process that was killed goes on where it stood. Operations on
 * several devices happen for all of them or for none. Refusals are `StoreError`s.
 *
 * A device a host sees (`setHostVisible`) is read and written by that host through its raw file, past the store: what
 * the host writes to a device that has snapshots itself is therefore not preserved for them. A device a host writes to
 * must not be a source.
 */
export class DeviceStore {
  readonly #state: StoreState;
  readonly #background: BackgroundWork;
  #closed = false;

  private constructor(state: StoreState) {
    this.#state = state;
    this.#background = new BackgroundWork(state);
  }

  /** Opens the array in this folder, or makes an empty one. Only one process may have it open. */
  static open(folder: string, options: DeviceStoreOptions): DeviceStore {
    const state = openStoreState(folder, {
      maxSnapshotsPerSource: 1024,
      maxTargetsPerSource: 1024,
      defineMs: 2000,
      defineTracksPerSecond: 8192,
      copyTracksPerSecond: 4096,
      clock: () => new Date(),
      ...options,
    });
    for (const device of state.devices.values()) {
      if (device.hostVisible && device.link) materialise(state, device.link);
    }
    const store = new DeviceStore(state);
    store.#background.refresh();
    return store;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#background.stop();
    this.#state.files.close();
    this.#state.journal.close();
  }

  createDevice(request: CreateDeviceRequest): DeviceInfo {
    return deviceInfo(createDevice(this.#current(), request));
  }

  /** Refused while the device is a source or a target. */
  deleteDevice(id: string): void {
    deleteDevice(this.#current(), id);
  }

  expandDevice(id: string, cylinders: number): DeviceInfo {
    return deviceInfo(expandDevice(this.#current(), id, cylinders));
  }

  device(id: string): DeviceInfo | undefined {
    const device = this.#current().devices.get(id);
    return device && deviceInfo(device);
  }

  devices(): readonly DeviceInfo[] {
    return [...this.#current().devices.values()].map(deviceInfo);
  }

  /** The device as its user sees it: a linked target shows its snapshot, and what is written to it stays its own. */
  open(id: string): BlockDevice {
    const state = this.#current();
    return openDevice(state, deviceOf(state, id), () => this.#closed);
  }

  /** One snapshot of every named device, all at one instant and with one snap id. */
  establish(request: EstablishRequest): { snapId: number } {
    return this.#change((state) => establish(state, request));
  }

  /** The snapshots of a source, newest first. */
  snapshots(device: string): readonly SnapshotInfo[] {
    const state = this.#current();
    return deviceOf(state, device)
      .snapshots.toReversed()
      .map((snapshot) => snapshotInfo(state, snapshot));
  }

  linkOf(target: string): TargetLink | undefined {
    const state = this.#current();
    return targetLink(state, deviceOf(state, target));
  }

  link(request: LinkRequest): void {
    this.#change((state) => link(state, request));
  }

  /** The targets must be linked to a snapshot of the same source; what was written to them is lost. */
  relink(request: LinkRequest): void {
    this.#change((state) => relink(state, request));
  }

  unlink(request: UnlinkRequest): void {
    this.#change((state) => unlink(state, request));
  }

  setCopyMode(request: LinkRequest): void {
    this.#change((state) => setCopyMode(state, request));
  }

  rename(request: RenameRequest): void {
    this.#change((state) => rename(state, request));
  }

  setTimeToLive(request: TimeToLiveRequest): void {
    this.#change((state) => setTimeToLive(state, request));
  }

  setSecure(request: SecureRequest): void {
    this.#change((state) => setSecure(state, request));
  }

  /** Writes the point in time back to the sources; the snapshots then have a restore session. */
  restore(request: SnapshotRequest): void {
    this.#change((state) => restore(state, request));
  }

  /** Refused while linked or secured. A restored snapshot loses its restore session first, itself with the next call. */
  terminate(request: TerminateRequest): void {
    this.#change((state) => terminate(state, request));
  }

  /** The point in time itself, read-only, without a link. */
  readSnapshot(source: string, snapId: number): BlockDevice {
    const state = this.#current();
    return openSnapshot(snapshotById(deviceOf(state, source), snapId), () => this.#closed);
  }

  /** Track numbers written since the snapshot was taken, ascending: exact, for incremental copies. */
  changedTracksSince(source: string, snapId: number): readonly number[] {
    return changedSince(snapshotById(deviceOf(this.#current(), source), snapId));
  }

  /** Runs of tracks that may hold something else than zeros. */
  extents(device: string): readonly TrackRun[] {
    return deviceExtents(deviceOf(this.#current(), device));
  }

  snapshotExtents(source: string, snapId: number): readonly TrackRun[] {
    return snapshotExtents(snapshotById(deviceOf(this.#current(), source), snapId));
  }

  /**
   * Tells that a host sees the device as the file `rawFileOf`. A linked target then has the point-in-time content
   * written to that file at link time (at once, if it is linked already), so that the host and the array see the same
   * bytes; it is still reported as the link it is.
   */
  setHostVisible(device: string, visible: boolean): void {
    setHostVisible(this.#current(), device, visible);
  }

  /** The file with the device's own bytes, exactly of the device's size; never replaced by another while the device exists. */
  rawFileOf(device: string): string {
    return deviceOf(this.#current(), device).rawPath;
  }

  #current(): StoreState {
    if (this.#closed) throw new StoreError('store-closed', 'the device store is closed');
    removeExpired(this.#state);
    return this.#state;
  }

  #change<T>(operation: (state: StoreState) => T): T {
    const result = operation(this.#current());
    this.#background.refresh();
    return result;
  }
}
