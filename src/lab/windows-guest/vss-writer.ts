import { randomUUID } from 'node:crypto';
import type { HelperWriter } from '../../guest/windows/vss-helper-protocol.ts';
import type { Pace } from '../world/pace.ts';
import { HRESULT, STATE_AFTER, WRITER_STATE, type WriterPhase } from './vss-codes.ts';
import type { VssKnobs } from './vss-knobs.ts';
import type { WriterConfig } from './vss-writers.ts';

/** What a writer freezes. */
export interface Quiescable {
  quiesce(): Promise<void>;
  resume(): void;
  /** Up to where its log is in what is frozen now. Absent: it keeps no log. */
  logPosition?(): number;
  /** Forgets the log up to there: a backup holds it. */
  truncateLog?(position: number): void;
}

/** One writer's session in one snapshot set. */
export class VssWriter {
  readonly config: WriterConfig;
  readonly #knobs: VssKnobs;
  readonly #pace: Pace;
  readonly #application: Quiescable | undefined;
  readonly #instance = randomUUID();
  #state: number = WRITER_STATE.stable;
  #result: string = HRESULT.ok;
  #windowTimer: NodeJS.Timeout | undefined;
  /** Frozen, or on the way there. */
  #freezing = false;
  /** Where the log of its application stood while it was frozen. */
  #logPosition: number | undefined;
  selectedComponents: readonly string[] = [];

  constructor(config: WriterConfig, knobs: VssKnobs, pace: Pace, application: Quiescable | undefined) {
    this.config = config;
    this.#knobs = knobs;
    this.#pace = pace;
    this.#application = config.ownsApplication ? application : undefined;
  }

  get failed(): boolean {
    return this.#result !== HRESULT.ok;
  }

  get frozen(): boolean {
    return this.#freezing;
  }

  report(): HelperWriter {
    return {
      id: this.config.id,
      name: this.config.name,
      instance: this.#instance,
      state: this.#state,
      result: this.#result,
      selected: this.selectedComponents.length > 0,
    };
  }

  /** An event that changes nothing but the writer's state. A writer that failed takes no more events. */
  take(phase: Exclude<WriterPhase, 'freeze' | 'thaw' | 'backup-complete'>): void {
    this.#settle(phase);
  }

  /**
   * Stops the application, if it has a selected component, and opens the writer's window. An application that
   * breaks down costs its writer the freeze, and `onBreakdown` gets the cause.
   */
  async freeze(onBreakdown: (error: unknown) => void): Promise<void> {
    if (this.failed) return;
    this.#freezing = true;
    this.#windowTimer = setTimeout(
      () => this.#giveUp(WRITER_STATE.failedAtFreeze, HRESULT.writerTimeout),
      this.#pace.scaledMs(this.config.windowMs * this.#knobs.writerPatience),
    );
    await this.#pace.wait(this.#knobs.writerFreezeMs);
    try {
      if (this.#freezing && this.#settle('freeze') && this.#quiesces) {
        await this.#application?.quiesce();
        this.#logPosition = this.#application?.logPosition?.();
      }
    } catch (error) {
      onBreakdown(error);
      this.#giveUp(WRITER_STATE.failedAtFreeze, HRESULT.writerNonRetryable);
    }
    if (this.failed) this.#letGo();
  }

  thaw(): void {
    if (!this.#freezing) return;
    this.#letGo();
    this.#settle('thaw');
  }

  /** The application may believe that a backup holds what was frozen, and drops the log that only led up to there. */
  backupComplete(truncates: boolean): void {
    const well = this.#settle('backup-complete');
    if (well && truncates && this.#logPosition !== undefined) this.#application?.truncateLog?.(this.#logPosition);
  }

  /** The set failed or was given up: a frozen writer lets go and tells that its snapshot is not good. */
  abort(): void {
    if (this.#freezing) this.#giveUp(WRITER_STATE.failedAtThaw, HRESULT.writerRetryable);
  }

  get #quiesces(): boolean {
    return this.#application !== undefined && this.selectedComponents.length > 0;
  }

  #giveUp(state: number, result: string): void {
    this.#letGo();
    if (this.failed) return;
    this.#state = state;
    this.#result = result;
  }

  #letGo(): void {
    if (!this.#freezing) return;
    this.#freezing = false;
    clearTimeout(this.#windowTimer);
    if (this.#quiesces) this.#application?.resume();
  }

  /** True when the writer took the event. */
  #settle(phase: WriterPhase): boolean {
    if (this.failed) return false;
    const failure = this.#knobs.failureOf(this.config.id, phase);
    this.#result = failure ?? HRESULT.ok;
    this.#state = failure === undefined ? STATE_AFTER[phase].ok : STATE_AFTER[phase].failed;
    return failure === undefined;
  }
}
