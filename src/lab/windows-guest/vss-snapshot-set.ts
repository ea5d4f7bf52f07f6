import type {
  BackupType,
  HelperExcludedComponent,
  HelperVolume,
  HelperWriter,
} from '../../guest/windows/vss-helper-protocol.ts';
import type { BlockDevice } from '../devices/block-device.ts';
import type { WriteHold } from '../guest/write-hold.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import { HRESULT, VssError } from './vss-codes.ts';
import type { VssKnobs } from './vss-knobs.ts';
import type { VssWriter } from './vss-writer.ts';

/** The provider's part of a snapshot: it decides how long writes stay held. */
export interface SnapshotProvider {
  /** Entered with applications frozen and nothing else held. Absent: it does not wait here. Resolves as `commit` does. */
  preCommit?(): Promise<string>;
  /** Entered with all writes held. Resolves to success or to the provider's failure. */
  commit(): Promise<string>;
  /** Writes flow again. */
  released(): void;
}

/** What the requestor says of the backup besides its type. */
export interface BackupState {
  /** Class ids of writers of which no component is selected. */
  readonly excludedWriters: readonly string[];
  readonly bootableState: boolean;
}

export interface SnapshotSetParts extends BackupState {
  readonly guestName: string;
  readonly writers: readonly VssWriter[];
  readonly volumes: readonly HelperVolume[];
  readonly notHeld: readonly string[];
  readonly devices: readonly BlockDevice[];
  readonly backupType: BackupType;
  readonly hold: WriteHold;
  readonly knobs: VssKnobs;
  readonly pace: Pace;
  readonly events: EventLog;
  /** Lets the next requestor start a set. */
  readonly unlock: () => void;
}

type Stage = 'started' | 'prepared' | 'snapshotting' | 'done' | 'failed' | 'over';

/** One IVssBackupComponents object from StartSnapshotSet to its release. */
export class SnapshotSet {
  readonly #parts: SnapshotSetParts;
  #stage: Stage = 'started';
  #holding = false;
  #excludedComponents: readonly HelperExcludedComponent[] = [];

  constructor(parts: SnapshotSetParts) {
    this.#parts = parts;
  }

  get volumes(): readonly HelperVolume[] {
    return this.#parts.volumes;
  }

  get notHeld(): readonly string[] {
    return this.#parts.notHeld;
  }

  get components(): readonly string[] {
    return this.#parts.writers.flatMap((writer) => writer.selectedComponents);
  }

  /** DoSnapshotSet succeeded, and nobody has said yet how the backup ended. */
  get isMade(): boolean {
    return this.#stage === 'done';
  }

  /** Not selected because they have files on a volume that is not in the set. */
  get excludedComponents(): readonly HelperExcludedComponent[] {
    return this.#excludedComponents;
  }

  /** Class ids of the writers with a selected component. */
  get selectedWriters(): readonly string[] {
    return this.#parts.writers.flatMap(({ config, selectedComponents }) =>
      selectedComponents.length > 0 ? [config.id] : [],
    );
  }

  writers(): readonly HelperWriter[] {
    return this.#parts.writers.map((writer) => writer.report());
  }

  /** GatherWriterMetadata, AddComponent, PrepareForBackup. */
  async prepare(): Promise<void> {
    const { writers, volumes, knobs, pace, excludedWriters, bootableState } = this.#parts;
    this.#enter('started', 'started');
    const mounted = new Set(volumes.map((volume) => volume.mountPoint));
    const excluded: HelperExcludedComponent[] = [];
    await pace.wait(knobs.prepareMs);
    this.#enter('started', 'prepared');
    for (const writer of writers) {
      writer.take('identify');
      if (writer.failed || excludedWriters.includes(writer.config.id)) continue;
      const selected: string[] = [];
      for (const { logicalPath, mountPoints } of writer.config.components) {
        const missing = mountPoints.filter((mountPoint) => !mounted.has(mountPoint));
        if (missing.length === 0) selected.push(logicalPath);
        else excluded.push({ writer: writer.config.id, component: logicalPath, reason: missing.join(' ') });
      }
      writer.selectedComponents = selected;
      writer.take('prepare-backup');
    }
    this.#excludedComponents = excluded;
    this.#log('PrepareForBackup', { components: this.components, bootableState });
  }

  /**
   * DoSnapshotSet. Writers that fail do not stop it (VSS tells them apart by GatherWriterStatus);
   * it fails when the provider vetoes or the kernel's hold ran out.
   */
  async snapshot(provider: SnapshotProvider): Promise<string> {
    this.#enter('prepared', 'snapshotting');
    const { writers, unlock } = this.#parts;
    for (const writer of writers) writer.take('prepare-snapshot');
    await Promise.all(
      writers.map((writer) =>
        writer.freeze((error) =>
          this.#log('application broke down', { writer: writer.config.name, error: `${error}` }),
        ),
      ),
    );
    this.#enter('snapshotting', 'snapshotting');
    this.#log('Freeze', { frozen: writers.filter((writer) => writer.frozen).map((writer) => writer.config.name) });
    const waited = provider.preCommit ? await provider.preCommit() : HRESULT.asyncFinished;
    this.#enter('snapshotting', 'snapshotting');
    const result = waited === HRESULT.asyncFinished ? await this.#holdWrites(provider) : waited;
    if (this.#stage !== 'snapshotting') return result;
    if (result === HRESULT.asyncFinished) {
      for (const writer of writers) writer.thaw();
      for (const writer of writers) writer.take('post-snapshot');
      this.#stage = 'done';
      this.#log('Thaw', {});
    } else {
      for (const writer of writers) writer.abort();
      this.#stage = 'failed';
      this.#log('snapshot set failed', { result });
      this.#noteFailure(result);
    }
    unlock();
    return result;
  }

  /** SetBackupSucceeded and BackupComplete. */
  complete(success: boolean): void {
    this.#enter('done', 'over');
    const { backupType } = this.#parts;
    const truncates = success && backupType === 'full';
    for (const writer of this.#parts.writers) writer.backupComplete(truncates);
    this.#log('BackupComplete', { success, backupType, logsTruncated: truncates });
  }

  /** AbortBackup and release, at any time: nothing stays frozen, whatever is still running ends without effect. */
  abort(): void {
    if (this.#stage === 'over') return;
    this.#stage = 'over';
    this.#release();
    for (const writer of this.#parts.writers) writer.abort();
    this.#parts.unlock();
    this.#log('AbortBackup', {});
  }

  async #holdWrites(provider: SnapshotProvider): Promise<string> {
    const { hold, devices, knobs, pace } = this.#parts;
    let expired = false;
    hold.hold(devices);
    this.#holding = true;
    this.#log('HoldWrites', { disks: devices.length });
    const limit = setTimeout(() => {
      expired = true;
      this.#release();
    }, pace.scaledMs(knobs.holdLimitMs));
    const committed = await provider.commit();
    clearTimeout(limit);
    this.#release();
    provider.released();
    return expired ? HRESULT.holdWritesTimeout : committed;
  }

  #release(): void {
    if (!this.#holding) return;
    this.#holding = false;
    this.#parts.hold.release(this.#parts.devices);
    this.#log('ReleaseWrites', {});
  }

  /** As Windows notes it: Volsnap that a hold ran out, VSS that the provider did not go along. */
  #noteFailure(result: string): void {
    const { eventLog } = this.#parts.knobs;
    if (result === HRESULT.holdWritesTimeout) {
      const where = this.#parts.volumes[0]?.mountPoint ?? '';
      const text = `The flush and hold writes operation on volume ${where} timed out while waiting for a release writes command.`;
      eventLog.note({ source: 'Volsnap', id: 8, level: 'error', text });
    } else {
      const text = `Volume Shadow Copy Service error: Error calling a routine on a Shadow Copy Provider. hr = ${result}.`;
      eventLog.note({ source: 'VSS', id: 12293, level: 'error', text });
    }
  }

  #enter(from: Stage, to: Stage): void {
    if (this.#stage !== from) throw new VssError(HRESULT.badState, 'VSS_E_BAD_STATE: not possible in this state');
    this.#stage = to;
  }

  #log(operation: string, detail: Record<string, unknown>): void {
    this.#parts.events.add('guest', 'effect', operation, this.#parts.guestName, detail);
  }
}
