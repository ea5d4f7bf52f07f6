import type { BackupType, HelperVolume, HelperWriter } from '../../guest/windows/vss-helper-protocol.ts';
import type { WriteHold } from '../guest/write-hold.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import { type GuestDisk, rawVolumesOf, volumesOf } from './guest-disks.ts';
import { HRESULT, VssError } from './vss-codes.ts';
import type { VssKnobs } from './vss-knobs.ts';
import { type BackupState, SnapshotSet } from './vss-snapshot-set.ts';
import { type Quiescable, VssWriter } from './vss-writer.ts';
import type { WriterConfig } from './vss-writers.ts';

export interface CoordinatorOptions {
  readonly guestName: string;
  readonly disks: readonly GuestDisk[];
  readonly writers: readonly WriterConfig[];
  readonly application: Quiescable | undefined;
  readonly hold: WriteHold;
  readonly knobs: VssKnobs;
  readonly pace: Pace;
  readonly events: EventLog;
}

/** VSS takes no more volumes into one snapshot set (VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED). */
const MAX_VOLUMES = 64;

/** The machine's VSS service: one snapshot set at a time, from StartSnapshotSet to the end of DoSnapshotSet. */
export class VssCoordinator {
  readonly #options: CoordinatorOptions;
  #current: object | undefined;
  #frozen: readonly VssWriter[] = [];

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  get knobs(): VssKnobs {
    return this.#options.knobs;
  }

  get writerCount(): number {
    return this.#options.writers.length;
  }

  get volumeCount(): number {
    return volumesOf(this.#options.disks).length;
  }

  /** A writer is frozen or freezing, or writes are held. */
  get frozen(): boolean {
    return this.#options.hold.active || this.#frozen.some((writer) => writer.frozen);
  }

  /** Notes an error that the real VSS would not have. */
  noteDefect(error: unknown): void {
    const { events, guestName } = this.#options;
    const defect = error instanceof Error ? (error.stack ?? error.message) : String(error);
    events.add('guest', 'effect', 'lab defect', guestName, { defect });
  }

  /** All that the machine has. */
  get volumes(): readonly HelperVolume[] {
    return volumesOf(this.#options.disks);
  }

  /** The writers as another process sees them: as the last set left them, or as they are after a start of their services. */
  writers(): readonly HelperWriter[] {
    const { writers, knobs, pace, application } = this.#options;
    if (this.#frozen.length === 0)
      this.#frozen = writers.map((config) => new VssWriter(config, knobs, pace, application));
    return this.#frozen.map((writer) => writer.report());
  }

  /** StartSnapshotSet and AddToSnapshotSet for every volume with an extent on one of these disks. */
  start(
    serials: readonly string[],
    backupType: BackupType,
    { excludedWriters = [], bootableState = false }: Partial<BackupState> = {},
  ): SnapshotSet {
    const { disks, writers, application, knobs, pace, hold, events, guestName } = this.#options;
    if (this.#current) throw new VssError(HRESULT.snapshotSetInProgress, 'another snapshot set is in progress');
    const wanted = new Set(serials.map((serial) => serial.toLowerCase()));
    const volumes = volumesOf(disks).filter((volume) => volume.disks.some((disk) => wanted.has(disk.toLowerCase())));
    if (volumes.length === 0) throw new VssError(HRESULT.objectNotFound, 'no volume lies on the captured disks');
    if (volumes.length > MAX_VOLUMES) {
      throw new VssError(HRESULT.tooManyVolumes, `${volumes.length} volumes are more than ${MAX_VOLUMES} in one set`);
    }
    const held = new Set(volumes.flatMap((volume) => volume.disks));
    const sessions = writers.map((config) => new VssWriter(config, knobs, pace, application));
    const lock = {};
    this.#current = lock;
    this.#frozen = sessions;
    return new SnapshotSet({
      guestName,
      writers: sessions,
      volumes,
      notHeld: rawVolumesOf(disks.filter(({ uuid }) => wanted.has(uuid.toLowerCase()))),
      devices: disks.filter((disk) => held.has(disk.uuid)).map((disk) => disk.device),
      backupType,
      excludedWriters,
      bootableState,
      hold,
      knobs,
      pace,
      events,
      unlock: () => {
        if (this.#current === lock) this.#current = undefined;
      },
    });
  }
}
