import type { ArrayId, DeviceId, Wwn } from './identity.ts';

/**
 * How snapshots are taken. `device-list`: of exactly the devices named, by the private API. `storage-group`: of a temporary
 * storage group that holds exactly these devices, by the published API.
 */
export type SnapVxApi = 'device-list' | 'storage-group';

export interface ArrayFacts {
  readonly arrayId: ArrayId;
  readonly model: string;
  readonly microcode: string;
  /** `V3`: a linked target is defined in the background and must be before unlink. `V4`: it never is. */
  readonly generation: 'V3' | 'V4';
  readonly unisphereVersion: string;
  readonly apiVersion: string;
  /** False: the array can be read through this Unisphere but not controlled. */
  readonly local: boolean;
  readonly snapVxLicensed: boolean;
  /** Undefined in journals of runs that did not ask. */
  readonly snapVxApi?: SnapVxApi;
}

export interface Device {
  readonly id: DeviceId;
  /** What hosts see; the identity to compare with canonical names. */
  readonly effectiveWwn: Wwn;
  /** Its own; another than the effective one on SRDF/Metro and migrated devices. Undefined where the array shows none. */
  readonly wwn: Wwn | undefined;
  /** A free text of the admin, not unique. */
  readonly identifier: string | undefined;
  readonly cylinders: number;
  readonly emulation: string;
  /** Such as `TDEV`, `RDF1+TDEV`. */
  readonly type: string;
  readonly snapshotSource: boolean;
  readonly linkTarget: boolean;
  readonly storageGroups: readonly string[];
  readonly maskingViews: readonly { readonly id: string; readonly host: string | undefined }[];
}

/** One snapshot of one device. */
export interface SnapshotOfDevice {
  readonly name: string;
  /** Shared by all devices of one establish. Undefined on arrays before 5978.669. */
  readonly snapId: number | undefined;
  readonly source: DeviceId;
  /**
   * When the array made it, by the array's own clock, in milliseconds since 1970 (arrays tell whole seconds). Undefined where
   * only a list was read: lists do not tell it on every release.
   */
  readonly createdAtMs: number | undefined;
  readonly linkedTargets: readonly { readonly target: DeviceId; readonly defined: boolean }[];
}

/**
 * Whether a snapshot is being written back to its source. `running`: the source shows the snapshot's data already, and tracks are still
 * copied. `restored`: all of it is written back; the session stays until it is ended.
 */
export type RestoreState = 'none' | 'running' | 'restored';

/** A snapshot on some of its devices. */
export interface SnapshotOn {
  readonly name: string;
  readonly snapId: number | undefined;
  readonly devices: readonly DeviceId[];
}

/** How one host reaches a device through one masking view. */
export interface Presentation {
  readonly view: string;
  /** Undefined where the view tells no host. */
  readonly host: string | undefined;
  /** One for each initiator of the host, which may reach the device at different addresses. None when the array tells none. */
  readonly paths: readonly { readonly initiator: string; readonly lun: number | undefined }[];
}

/** What a device is at this moment. Its link is asked for where views are least behind the array: less than `Device.linkTarget`. */
export interface DeviceState {
  readonly id: DeviceId;
  /** Undefined for a device without any WWN: no open-systems host can see it. */
  readonly effectiveWwn: Wwn | undefined;
  readonly storageGroups: readonly string[];
  /**
   * Source of the snapshot that this device shows as a target; undefined when it is not linked. `unknown`: it is linked, and
   * the published API does not tell to what.
   */
  readonly linkSource: DeviceId | 'unknown' | undefined;
}

/** A temporary storage group of ours, or one named like it. */
export interface SnapshotGroup {
  readonly name: string;
  /** Name of the snapshot it was made for. */
  readonly snapshot: string;
  readonly holds: 'sources' | 'targets';
  readonly members: readonly DeviceId[];
  /** What else depends on it, such as `masking view "x"`; we never make it so. */
  readonly usedBy: readonly string[];
}

/** Thin devices of one size. */
export interface NewDevices {
  readonly cylinders: number;
  readonly emulation: string;
  readonly count: number;
}

export interface DevicePair {
  readonly source: DeviceId;
  readonly target: DeviceId;
}

/** By what the devices of an identity were found. `identifier` is a label, no identity: something else has to agree. */
export type FoundBy = 'effective WWN' | 'own WWN' | 'NGUID' | 'storage container' | 'identifier';

/** What else is known of an identity, to compare with the devices that show it. */
export interface IdentityClue {
  /** Undefined when no device was found. */
  readonly foundBy: FoundBy | undefined;
  /** Array and device as they stand in the identity itself; undefined for one that does not tell (mobility ids, vVols). */
  readonly decoded: { readonly arrayId: ArrayId; readonly deviceId: DeviceId } | undefined;
  /** The device of that id, where the identity names this array and the array has one: it may show another identity. */
  readonly decodedDevice: Device | undefined;
  /** Whether the array shows all devices of the identity among its vVols; undefined: there is none, or the array was not asked. */
  readonly shownAsVvol: boolean | undefined;
}

/** Everything of one `preflight` read: sources by identity, and what the designated pool holds. */
export interface DeviceInventory {
  /** Result i belongs to identity i: no device, one, or (ambiguous) several. */
  readonly sources: readonly (readonly Device[])[];
  /** Result i: how identity i was found, and what it says by itself. */
  readonly clues: readonly IdentityClue[];
  readonly pool: readonly Device[];
}

/** What an array takes at most. */
export interface ArrayLimits {
  readonly snapshotsPerSource: number;
  /** Over all snapshots of the device. */
  readonly targetsPerSource: number;
  /** Devices of one establish. */
  readonly devicesPerSet: number;
  readonly timeToLiveHours: number;
}

/** What a source carries already. */
export interface SourceLoad {
  readonly device: DeviceId;
  readonly snapshots: number;
  /** Undefined where only a list was read: it does not tell them. */
  readonly linkedTargets: number | undefined;
  /** A snapshot is being written back to it, or was and its session is there. Lists may tell only the latter. */
  readonly isRestoring: boolean;
}

/** One of the servers the array is managed by. */
export type ServerState =
  | { readonly url: string; readonly kind: 'answers'; readonly version: string }
  | { readonly url: string; readonly kind: 'fails'; readonly error: unknown };

/**
 * One VMAX or PowerMax array behind a Unisphere. An instance keeps its connections warm (`warm`).
 *
 * Creating, linking, unlinking and terminating act on a list of devices in ONE request.
 * An establish, link or making of devices whose answer never came is thrown with `effect: 'unknown'` and not repeated by the adapter: the core probes.
 * Unlink, terminate and group edits read back what happened and go on with the rest, while their signal lets them.
 * Errors: `E_ARRAY_*`, `E_DEVICE_*`, `E_TLS_UNTRUSTED`.
 */
export interface StorageArray {
  readonly id: ArrayId;
  facts(signal: AbortSignal): Promise<ArrayFacts>;
  /** By its microcode; asks nothing once the facts were read. */
  limits(signal: AbortSignal): Promise<ArrayLimits>;
  /**
   * Of devices that have snapshots. Those the array tells nothing of (no device lists, and no bulk reads) are absent. Several are read
   * from a list where the array has one; one alone is asked itself where there are device lists.
   */
  sourceLoads(devices: readonly DeviceId[], signal: AbortSignal): Promise<readonly SourceLoad[]>;
  /** Each configured server, asked by itself. */
  servers(signal: AbortSignal): Promise<readonly ServerState[]>;
  /** Canonical names (`naa.…`, `eui.…`) or vVol object ids to devices, and all devices of the pool storage group. */
  inventory(
    request: {
      readonly identities: readonly string[];
      readonly pool: string;
      /**
       * Which of the identities are vVol object ids, with the storage container (`vvol:<hex>-<hex>`) where vCenter tells it: that one is
       * looked into first.
       */
      readonly vvols?: ReadonlyMap<string, string | undefined>;
    },
    signal: AbortSignal,
  ): Promise<DeviceInventory>;
  /**
   * Facts an earlier process of the run was told: saves asking again. Facts that have become wrong are found out by what the
   * server refuses.
   */
  recall(facts: ArrayFacts): void;
  /**
   * Where snapshots are taken by storage group: makes the group of exactly these devices that the establish will name. Again is
   * success. Refused when a group of that name holds anything else; `E_ARRAY_VVOL` when the array says that vVols enter no group.
   */
  makeSnapshotGroup(
    request: { readonly name: string; readonly devices: readonly DeviceId[] },
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Removes the temporary groups of the snapshot of this name; devices stay as they are. Groups that are gone are success. One
   * that holds another device than these, or that something else uses, is not ours any more: it stays, and is told with the
   * reason.
   */
  removeSnapshotGroups(
    request: { readonly name: string; readonly devices: readonly DeviceId[]; readonly targets: readonly DeviceId[] },
    signal: AbortSignal,
  ): Promise<readonly { readonly group: string; readonly why: string }[]>;
  /** Every temporary group whose snapshot's name begins so. */
  listSnapshotGroups(request: { readonly namePrefix: string }, signal: AbortSignal): Promise<readonly SnapshotGroup[]>;
  /** Opens and authenticates the connection the establish will use, so that none is opened inside the freeze window. */
  warm(signal: AbortSignal): Promise<void>;
  /**
   * One request, one instant for all devices. `serviceMs` is the array's own time where it tells it. `E_ARRAY_VVOL`: the array
   * answered that it does not take one of vVols, or refused a request with vVols in it and named no other reason.
   */
  establish(
    request: { readonly name: string; readonly devices: readonly DeviceId[]; readonly timeToLiveHours: number },
    signal: AbortSignal,
  ): Promise<{ readonly serviceMs: number | undefined }>;
  /** The snapshots of exactly this name on these devices (all generations); devices without one are absent. */
  findSnapshots(
    request: { readonly name: string; readonly devices: readonly DeviceId[] },
    signal: AbortSignal,
  ): Promise<readonly SnapshotOfDevice[]>;
  link(
    request: { readonly name: string; readonly snapId: number | undefined; readonly pairs: readonly DevicePair[] },
    signal: AbortSignal,
  ): Promise<void>;
  /** Success also when a pair is not linked (any more). `force` discards the define state of a target that is thrown away anyway. */
  unlink(
    request: {
      readonly name: string;
      readonly snapId: number | undefined;
      readonly pairs: readonly DevicePair[];
      readonly force: boolean;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** Success also when the snapshot is gone. */
  terminate(
    request: { readonly name: string; readonly snapId: number | undefined; readonly devices: readonly DeviceId[] },
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Writes the snapshot back to its sources: what they hold now is gone. One request; returns when the array has taken it, which is before
   * everything is written back. Not repeated when its answer is lost. `E_ARRAY_REFUSED` also where snapshots are taken by storage
   * group: there a snapshot and its restore session are ended by the same request, and a lost answer would not tell which.
   */
  restore(snapshot: SnapshotOn, signal: AbortSignal): Promise<void>;
  /** Result i is how the snapshot stands to device i; `none` also where the device has no such snapshot. One read a device. */
  restoreStates(snapshot: SnapshotOn, signal: AbortSignal): Promise<readonly RestoreState[]>;
  /** Ends the restore sessions and leaves the snapshot, and the data, as they are. Success also when there is no session. */
  endRestore(snapshot: SnapshotOn, signal: AbortSignal): Promise<void>;
  /**
   * Adds devices to a storage group in one request; devices already in it are success. Resolves only when no request of it can
   * take effect any more; after a lost answer a refusal is told with `effect: 'unknown'`.
   */
  addToStorageGroup(
    request: { readonly storageGroup: string; readonly devices: readonly DeviceId[] },
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Makes devices in a storage group and gives them the identifier (64 characters at most, not unique). Always new ones: devices that
   * exist are never handed over in their place. Which they are, `inventory` tells by the identifier, maybe a while later. Not repeated
   * when its answer is lost.
   */
  createDevices(
    request: { readonly storageGroup: string; readonly identifier: string; readonly devices: readonly NewDevices[] },
    signal: AbortSignal,
  ): Promise<void>;
  /** Removes devices from a storage group in one request; devices not in it are success. */
  removeFromStorageGroup(
    request: { readonly storageGroup: string; readonly devices: readonly DeviceId[] },
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Result i is what device i is now; undefined: the array has no such device. Asked before something of a device is undone:
   * ids are given out again. Two reads a device, so meant for the targets of a run.
   */
  inspect(devices: readonly DeviceId[], signal: AbortSignal): Promise<readonly (DeviceState | undefined)[]>;
  /**
   * Result i is the name that the storage container of that id (`vvol:<hex>-<hex>`, as vCenter shows it) has on this array;
   * undefined: the array shows no such container.
   */
  storageContainers(ids: readonly string[], signal: AbortSignal): Promise<readonly (string | undefined)[]>;
  /**
   * Result i is how hosts reach device i. Several reads a device and view: for looking at few devices. Addresses that are not told
   * yet, as right after masking, are waited for within a limit of the adapter.
   */
  presentations(devices: readonly DeviceId[], signal: AbortSignal): Promise<readonly (readonly Presentation[])[]>;
  /** Every snapshot on the array whose name begins so: what `reap` compares with the journals. */
  listSnapshots(request: { readonly namePrefix: string }, signal: AbortSignal): Promise<readonly SnapshotOfDevice[]>;
  close(): Promise<void>;
}
