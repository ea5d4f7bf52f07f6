import { setTimeout as sleepFor } from 'node:timers/promises';
import { type HelperEvent, MAX_HOLD_MS, VSS_HELPER_PROTOCOL } from '../../src/guest/windows/vss-helper-protocol.ts';
import { HelperConversation, type HelperRun } from './vss-helper-conversation.ts';

/** The machine a helper runs on, as far as the promises of the protocol need it. */
export interface HelperWorld {
  /** Serials of disks that carry the application's volumes. */
  readonly disks: readonly string[];
  /** On one of these disks, and without a file system that Windows can read. */
  readonly rawVolume: string;
  /** A serial no volume lies on. */
  readonly emptyDisk: string;
  /** Class id of a writer with a component on these disks. */
  readonly writer: string;
  /** Real milliseconds that one millisecond of the guest's clock takes. */
  readonly realPerGuestMs: number;
  start(): Promise<HelperRun>;
  /** From now on the writer fails in this phase with this HRESULT. */
  failWriter(phase: 'prepare-backup' | 'prepare-snapshot' | 'freeze' | 'thaw' | 'post-snapshot', result: string): void;
  /** Grows as long as the application writes. */
  applicationProgress(): number;
  /** Are writes of other programs to the volumes of these disks held at this moment? */
  fileWritesHeld(): boolean;
  /** How often the application dropped its log because a backup was said to hold it. */
  logTruncations(): number;
  close(): Promise<void>;
}

/** HRESULTs that the promises speak of. */
export const RESULT = {
  ok: '0x00000000',
  finished: '0x0004230A',
  badState: '0x80042301',
  objectNotFound: '0x80042308',
  objectAlreadyExists: '0x8004230D',
  setInProgress: '0x80042316',
  writerStatusNotAvailable: '0x80042409',
  retryable: '0x800423F3',
  invalidArgument: '0x80070057',
  busy: '0x800700AA',
} as const;
/** VSS_WRITER_STATE. */
export const WRITER = { stable: 1, waitingForBackupComplete: 5 } as const;

/** One world and the conversations that a test has with its helpers. */
export class HelperBench {
  readonly #make: () => Promise<HelperWorld>;
  #world: HelperWorld | undefined;
  #open: HelperConversation[] = [];

  constructor(make: () => Promise<HelperWorld>) {
    this.#make = make;
  }

  get world(): HelperWorld {
    if (!this.#world) throw new Error('the bench is not set up');
    return this.#world;
  }

  async setUp(): Promise<void> {
    this.#world = await this.#make();
    this.#open = [];
  }

  async tearDown(): Promise<void> {
    for (const conversation of this.#open) await conversation.leave();
    await this.world.close();
  }

  /** A helper that has not said a word yet. */
  async begin(): Promise<HelperConversation> {
    const conversation = new HelperConversation(await this.world.start());
    this.#open.push(conversation);
    return conversation;
  }

  /** A helper that has said hello. */
  async start(): Promise<HelperConversation> {
    const conversation = await this.begin();
    await conversation.expect('hello');
    return conversation;
  }

  prepareCommand(changes: Record<string, unknown> = {}) {
    return {
      command: 'prepare',
      protocol: VSS_HELPER_PROTOCOL,
      set: 'run-0001',
      disks: this.world.disks,
      backupType: 'copy',
      mode: 'commit',
      holdMs: MAX_HOLD_MS.commit,
      excludedWriters: [],
      bootableState: true,
      ...changes,
    };
  }

  async prepare(helper: HelperConversation, changes: Record<string, unknown> = {}) {
    await helper.command(this.prepareCommand(changes));
    return helper.expect('prepared');
  }

  async freeze(helper: HelperConversation) {
    await helper.command({ command: 'freeze' });
    return helper.expect('frozen');
  }

  /** Releases what is frozen, and gives the end of the set. */
  async finish(helper: HelperConversation) {
    await helper.release();
    await helper.expect('thawed');
    return helper.expect('finished');
  }

  async abort(helper: HelperConversation): Promise<void> {
    await helper.command({ command: 'abort' });
    await helper.expect('aborted');
  }

  /** Lets this share of the longest hold of writes pass, by the clock of the guest. */
  async hold(share: number): Promise<void> {
    await sleepFor(share * MAX_HOLD_MS.commit * this.world.realPerGuestMs);
  }

  /** Does the application write? */
  async progresses(): Promise<boolean> {
    const before = this.world.applicationProgress();
    const deadline = performance.now() + 5000;
    while (performance.now() < deadline) {
      if (this.world.applicationProgress() > before) return true;
      await sleepFor(5);
    }
    return false;
  }

  writerIn(event: Extract<HelperEvent, { writers: unknown }>) {
    return event.writers.find((writer) => writer.id.toLowerCase() === this.world.writer);
  }
}
