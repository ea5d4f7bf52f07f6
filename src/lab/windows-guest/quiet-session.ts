import type { HelperScript } from '../../guest/script-protocol.ts';
import { LEASE_SPARE_MS } from '../../guest/windows/vss-helper-protocol.ts';
import type { GuestClock } from '../guest/guest-clock.ts';
import type { LabScript } from '../guest/lab-script.ts';
import type { Pace } from '../world/pace.ts';
import { type LabPlugInProgram, type Patience, PlugInProcess } from './plug-in-process.ts';
import { HRESULT, VssError } from './vss-codes.ts';

export interface QuietTerms {
  readonly scriptMs: number;
  readonly lifeMs: number;
  readonly holdMs: number;
}

/** Scripts and plug-ins of one set, as whoever asked for them sees them. */
export interface QuietApplications {
  /**
   * Tells scripts, then plug-ins. `failed`: the script that did not do it; then all have been told the end, as `letGo` tells.
   * @throws VssError when the service ends, or it was interrupted.
   */
  quiesce(): Promise<{ readonly scripts: readonly HelperScript[]; readonly failed: string | undefined }>;
  /**
   * From here on they stay at rest for the hold and what writers may stand still before it.
   * @throws VssError when they have gone on.
   */
  beginFreeze(): void;
  /** Lets all of them go on, once, whoever asks for it first. Resolves with what they said. */
  letGo(outcome: 'success' | 'failed'): Promise<readonly HelperScript[]>;
}

export interface QuietSessionParts {
  readonly pace: Pace;
  readonly clock: GuestClock;
  /** In the order in which they are told. */
  readonly scripts: readonly LabScript[];
  readonly plugIns: readonly LabPlugInProgram[];
  readonly terms: QuietTerms;
}

/** What is kept for each that is still to be told the end. */
const RESERVE_MS = 5000;
const LATE = { exitCode: -1, output: '' };

const serviceEnded = () =>
  new VssError(HRESULT.serviceEnded, "the service 'snaphook-vss', which kept the applications at rest, has ended");

/** One connection to the service, in the service. */
export class QuietSession implements QuietApplications {
  readonly #parts: QuietSessionParts;
  readonly #interrupt = new AbortController();
  /** Told `freeze`, and nothing since. */
  #told: LabScript[] = [];
  #quiet: PlugInProcess[] = [];
  #quiescing: Promise<unknown> = Promise.resolve();
  #life: NodeJS.Timeout | undefined;
  #end: Promise<readonly HelperScript[]> | undefined;
  #isDead = false;
  /** All were told the end, or there is nobody any more to tell them. */
  #isOver = false;

  /** Never resolves. */
  readonly #interrupted: Promise<never>;

  constructor(parts: QuietSessionParts) {
    this.#parts = parts;
    const { signal } = this.#interrupt;
    this.#interrupted = new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
    );
    this.#interrupted.catch(() => undefined);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  async quiesce() {
    const work = this.#tellFreeze();
    this.#quiescing = work.catch(() => undefined);
    const { scripts, failed } = await work;
    if (this.#isDead) throw serviceEnded();
    if (failed !== undefined) {
      await this.letGo('failed');
      return { scripts, failed };
    }
    if (this.#end) throw new VssError(HRESULT.badState, 'the applications were let go on meanwhile');
    this.#letGoAfter(this.#parts.terms.lifeMs);
    return { scripts, failed };
  }

  beginFreeze(): void {
    if (this.#isDead) throw serviceEnded();
    if (this.#end) throw new VssError(HRESULT.timeout, 'the applications were at rest for too long, and went on');
    this.#letGoAfter(this.#parts.terms.holdMs + LEASE_SPARE_MS);
  }

  letGo(outcome: 'success' | 'failed'): Promise<readonly HelperScript[]> {
    this.#end ??= this.#letGo(outcome);
    return this.#end;
  }

  /** With its process: plug-ins meet the end of their input, and the scripts that were told are given back. */
  die(): readonly LabScript[] {
    this.#isDead = true;
    this.#isOver = true;
    clearTimeout(this.#life);
    this.#interrupt.abort();
    for (const plugIn of this.#quiet.splice(0)) plugIn.end();
    return this.#told.splice(0);
  }

  #letGoAfter(durationMs: number): void {
    clearTimeout(this.#life);
    this.#life = setTimeout(() => void this.letGo('failed'), this.#parts.pace.scaledMs(durationMs)).unref();
  }

  async #tellFreeze(): Promise<{ scripts: HelperScript[]; failed: string | undefined }> {
    const { scripts, plugIns, terms, clock } = this.#parts;
    const endMs = clock.nowMs() + terms.scriptMs;
    const leftMs = () => endMs - clock.nowMs();
    const results: HelperScript[] = [];
    for (const script of scripts) {
      if (this.#interrupt.signal.aborted) break;
      this.#told.push(script);
      const ended = await this.#patience.of(script.run('freeze'), leftMs()).catch(() => LATE);
      results.push({ kind: 'script', name: script.name, phase: 'freeze', ...ended });
      if (ended.exitCode !== 0) return { scripts: results, failed: script.name };
    }
    for (const program of plugIns) {
      if (this.#interrupt.signal.aborted) break;
      const plugIn = new PlugInProcess(program);
      this.#quiet.push(plugIn);
      const answer = await plugIn.quiesce(this.#patience, leftMs(), terms);
      results.push({ kind: 'plug-in', name: plugIn.name, phase: 'freeze', ...answer });
      if (answer.exitCode !== 0) this.#quiet = this.#quiet.filter((other) => other !== plugIn);
    }
    return { scripts: results, failed: undefined };
  }

  async #letGo(outcome: 'success' | 'failed'): Promise<readonly HelperScript[]> {
    clearTimeout(this.#life);
    this.#interrupt.abort();
    await this.#quiescing;
    const { terms, clock } = this.#parts;
    const patience = { of: <Result>(work: Promise<Result>, limitMs: number) => this.#inTime(work, limitMs) };
    const phase = outcome === 'success' ? 'thaw' : 'freezeFail';
    const results: HelperScript[] = [];
    const keptMs = Math.min(RESERVE_MS, terms.scriptMs / Math.max(1, this.#told.length + this.#quiet.length));
    const endMs = clock.nowMs() + terms.scriptMs;
    /** No one can use up what belongs to those behind. */
    const leftMs = () => Math.max(endMs - (this.#told.length + this.#quiet.length) * keptMs - clock.nowMs(), keptMs);
    for (let plugIn = this.#quiet.pop(); plugIn; plugIn = this.#quiet.pop()) {
      const answer = await plugIn.unquiesce(patience, leftMs(), outcome);
      results.push({ kind: 'plug-in', name: plugIn.name, phase, ...answer });
    }
    for (let script = this.#told.pop(); script; script = this.#told.pop()) {
      const ended = await patience.of(script.run(phase), leftMs()).catch(() => LATE);
      results.push({ kind: 'script', name: script.name, phase, ...ended });
    }
    this.#isOver = true;
    return this.#isDead ? [] : results;
  }

  /** While they are told to freeze, an end of the session ends the waiting, too. */
  readonly #patience: Patience = {
    of: async (work, limitMs) => {
      this.#interrupt.signal.throwIfAborted();
      return await Promise.race([this.#inTime(work, limitMs), this.#interrupted]);
    },
  };

  async #inTime<Result>(work: Promise<Result>, limitMs: number): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('late')), this.#parts.pace.scaledMs(Math.max(0, limitMs)));
      timer.unref();
    });
    work.catch(() => undefined);
    return await Promise.race([work, late]).finally(() => clearTimeout(timer));
  }
}
