import type { DeviceStore } from '../devices/device-store.ts';
import type { DeviceInfo, SnapshotInfo, TargetLink } from '../devices/store-contract.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import { type ArrayConfig, findNamed, type InitialArrayConfig } from './array-config.ts';
import { ArrayLocks } from './array-locks.ts';
import { ConfigFile } from './config-file.ts';
import { ConfigIndex } from './config-index.ts';
import { wwnOfDevice } from './device-identity.ts';
import { type LaggingModel, ModelLag } from './model-lag.ts';
import { assignLuns, type PresentationChange, type PresentationListener, presentationsOf } from './presentation.ts';
import { isV4 } from './releases.ts';

/** Times are simulated milliseconds: `Pace` scales them. */
export interface ArrayKnobs {
  /** Whether the array lets a user take SnapVX snapshots of vVol devices. Default refused. */
  readonly vvolSnapVx: 'accepted' | 'refused';
  /** What it says when it refuses; the text of real arrays is not published. Default: one that names virtual volumes. */
  readonly vvolRefusalText?: string;
  /**
   * Whether volume lists show vVols among other volumes. Default: the enhanced lists do, the classic one does not;
   * what releases really do is not published. One that does not still shows a vVol that is asked for, by
   * `virtual_volumes=true` or by its id.
   */
  readonly vvolsInVolumeLists?: boolean;
  /**
   * Whether the private SnapVX resource of device lists is there. `absent`: its paths are 404 as those nobody serves;
   * `forbidden`: a gateway in front of Unisphere answers 403. Default served.
   */
  readonly deviceListSnapVx: 'served' | 'absent' | 'forbidden';
  /** What `exact` links of storage groups count positions by; which it is on a real array is not published. Default as added. */
  readonly groupOrder: 'added' | 'device-id';
  /** Whether an enhanced list may be filtered by an attribute of a nested object, such as `snapshots.name`. Default accepted. */
  readonly nestedFilters: 'accepted' | 'refused';
  /**
   * How long Unisphere still shows the old `snapvx_source`, `snapvx_target`, `linked` and, in the enhanced lists, the
   * old snapshots. Default 0.
   */
  readonly objectModelLagMs: number;
  /** How long the v1 lists still show the old snapshots of a volume. Whether a real one lags there is not published. Default 0. */
  readonly snapshotListLagMs: number;
  /**
   * How long the private device-list reads still show the old snapshots and links. Whether real ones ever lag is not published.
   * Default 0.
   */
  readonly deviceListLagMs: number;
  /** How long a new device is not shown yet, by any list. Not published. Default 0. */
  readonly newDeviceLagMs: number;
  /** Devices the array takes. Default unlimited: it differs between models. */
  readonly maxDevices: number;
  /** How long after masking the connections are empty, then without address. Default 0. */
  readonly lunAddressLagMs: number;
  /** Calls to this array served at the same time; one more is answered 503. Default unlimited. */
  readonly maxActiveRequests: number;
  /** Time the array spends on an establish before the instant. Default 0. */
  readonly establishMs: number;
  /** Time between that instant and the answer. Default 0. */
  readonly afterEstablishMs: number;
  /** Time of every other read and write. Default 0. */
  readonly readMs: number;
  readonly writeMs: number;
  /** Duration of an asynchronous job. Default 3000. */
  readonly jobMs: number;
  /**
   * Restores do not get ready as long as this is true: the sources show the data, and no session can be ended. Default false. What a real
   * array says meanwhile is not published, but that its session is not `Restored`: here the session alone tells of the restore, and neither
   * flags nor states of its snapshot do.
   */
  readonly restoresHeld: boolean;
}

const DEFAULT_KNOBS: ArrayKnobs = {
  vvolSnapVx: 'refused',
  deviceListSnapVx: 'served',
  groupOrder: 'added',
  nestedFilters: 'accepted',
  objectModelLagMs: 0,
  snapshotListLagMs: 0,
  deviceListLagMs: 0,
  newDeviceLagMs: 0,
  maxDevices: Number.POSITIVE_INFINITY,
  lunAddressLagMs: 0,
  maxActiveRequests: Number.POSITIVE_INFINITY,
  establishMs: 0,
  afterEstablishMs: 0,
  readMs: 0,
  writeMs: 0,
  jobMs: 3000,
  restoresHeld: false,
};

export interface LabArrayOptions {
  /** 12 decimal digits. */
  readonly id: string;
  readonly model: string;
  readonly microcode: string;
  readonly local: boolean;
  readonly snapVxLicensed: boolean;
  /** Its devices and their data. Opened and closed by the caller. */
  readonly store: DeviceStore;
  /** Used when `configFolder` holds none of this array yet. */
  readonly config: InitialArrayConfig;
  readonly knobs?: Partial<ArrayKnobs>;
}

export interface LabArrayWorld {
  readonly events: EventLog;
  readonly pace: Pace;
  readonly configFolder: string;
  readonly onPresentation?: PresentationListener | undefined;
}

/** One array as Unisphere manages it: the device store plus everything an admin configured. */
export class LabArray {
  readonly id: string;
  readonly model: string;
  readonly microcode: string;
  readonly local: boolean;
  readonly snapVxLicensed: boolean;
  readonly store: DeviceStore;
  readonly locks = new ArrayLocks();
  readonly lag: ModelLag<boolean>;
  /** The snapshots of a device, by its id. */
  readonly snapshotLag: ModelLag<readonly SnapshotInfo[]>;
  /** What device-list reads show of sources and of targets, by device. */
  readonly deviceListLag: {
    readonly snapshots: ModelLag<readonly SnapshotInfo[]>;
    readonly links: ModelLag<TargetLink | undefined>;
  };
  /** Whether a device is shown, by its id. */
  readonly births: ModelLag<boolean>;
  /** What each of two servers knows of changes that were made through the other. */
  readonly followers: LaggingModel[] = [];
  /** The one of them that this is a view of; undefined: the array itself, or the view of its only server. */
  readonly seenBy: LaggingModel | undefined = undefined;
  knobs: ArrayKnobs;
  activeRequests = 0;
  /** The most there ever were at a time, over all its servers. */
  mostActiveRequests = 0;
  #config: ArrayConfig;
  #index: ConfigIndex | undefined;
  readonly #file: ConfigFile;
  readonly #world: LabArrayWorld;
  readonly #maskedAtMs = new Map<string, number>();

  constructor(options: LabArrayOptions, world: LabArrayWorld) {
    this.id = options.id;
    this.model = options.model;
    this.microcode = options.microcode;
    this.local = options.local;
    this.snapVxLicensed = options.snapVxLicensed;
    this.store = options.store;
    this.knobs = { ...DEFAULT_KNOBS, ...options.knobs };
    this.lag = new ModelLag(world.pace, this.knobs.objectModelLagMs);
    this.snapshotLag = new ModelLag(world.pace, this.knobs.snapshotListLagMs);
    const { deviceListLagMs } = this.knobs;
    this.deviceListLag = {
      snapshots: new ModelLag(world.pace, deviceListLagMs),
      links: new ModelLag(world.pace, deviceListLagMs),
    };
    this.births = new ModelLag(world.pace, this.knobs.newDeviceLagMs);
    this.#world = world;
    this.#file = new ConfigFile(world.configFolder, options.id);
    this.#config = this.#file.load(options.config);
    assignLuns(this.#config);
    this.#file.save(this.#config);
    for (const change of this.#visible().values()) world.onPresentation?.presented(change);
  }

  get isV4(): boolean {
    return isV4(this.microcode);
  }

  get config(): ArrayConfig {
    return this.#config;
  }

  /** Changes the configuration: all of it or, when `run` throws, nothing. Saves it and tells who sees what. */
  change<T>(run: (config: ArrayConfig) => T): T {
    const next = structuredClone(this.#config);
    const result = run(next);
    assignLuns(next);
    const before = this.#visible();
    const rows = new Set(presentationsOf(this.#config).map((row) => `${row.view} ${row.device}`));
    for (const { config } of this.followers) config.note('config', this.#config);
    this.#config = next;
    this.#index = undefined;
    this.#file.save(next);
    for (const row of presentationsOf(next)) {
      const key = `${row.view} ${row.device}`;
      if (!rows.has(key)) this.#maskedAtMs.set(key, performance.now());
    }
    const after = this.#visible();
    for (const [key, change] of before) if (!after.has(key)) this.#tell('withdrawn', change);
    for (const [key, change] of after) if (!before.has(key)) this.#tell('presented', change);
    return result;
  }

  /** Real milliseconds since the device entered the view; unlimited when it was there from the start. */
  maskedForMs(view: string, device: string): number {
    const atMs = this.#maskedAtMs.get(`${view} ${device}`);
    return atMs === undefined ? Number.POSITIVE_INFINITY : performance.now() - atMs;
  }

  get index(): ConfigIndex {
    this.#index ??= new ConfigIndex(this.#config);
    return this.#index;
  }

  device(id: string): DeviceInfo | undefined {
    return this.store.device(id.toUpperCase());
  }

  wwnOf(device: string): string {
    return this.index.vvolOf(device)?.wwn ?? this.#config.devices[device]?.mobilityWwn ?? wwnOfDevice(this.id, device);
  }

  effectiveWwnOf(device: string): string {
    return this.#config.devices[device]?.effectiveWwn ?? this.wwnOf(device);
  }

  /** For whoever plays the VASA provider: the device is a vVol of this resource from now on. */
  bindVvol(request: { device: string; container: string; resource: string; wwn: string }): void {
    this.change((config) => {
      const resource = findNamed(
        findNamed(config.storageContainers, request.container)?.resources ?? [],
        request.resource,
      );
      if (!resource) throw new Error(`the lab array has no storage resource "${request.resource}"`);
      resource.volumes.push({ device: request.device, wwn: request.wwn.toUpperCase() });
    });
  }

  unbindVvol(device: string): void {
    this.change((config) => {
      for (const container of config.storageContainers)
        for (const resource of container.resources)
          resource.volumes = resource.volumes.filter((volume) => volume.device !== device);
    });
  }

  #tell(what: 'presented' | 'withdrawn', change: PresentationChange): void {
    const { host, lun } = change;
    this.#world.events.add('array', 'effect', what, change.device, { host, lun });
    this.#world.onPresentation?.[what](change);
  }

  #visible(): ReadonlyMap<string, PresentationChange> {
    return new Map(
      presentationsOf(this.#config).map((row) => [
        `${row.host} ${row.device}`,
        {
          arrayId: this.id,
          host: row.host,
          device: row.device,
          lun: row.lun,
          protocol: row.protocol,
          effectiveWwn: this.effectiveWwnOf(row.device),
        },
      ]),
    );
  }
}
