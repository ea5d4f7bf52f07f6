import type { Clock } from '../../src/ports/clock.ts';
import { type Fault, type FaultKind, type FaultSource, faultName } from './faults.ts';
import type { Timeline } from './timeline.ts';

/** One request of a process to a simulator, and what can go wrong with it. */
export interface PortCall<Result> {
  /** Such as `array.establish`. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
  /** Until the effect; the answer takes as long again. */
  readonly latencyMs: number;
  /** Happens at the other side, in one moment, whatever becomes of the process. A thrown error is the answer. */
  readonly effect: () => Result;
  /** What of the effect is done when the process dies while it asks for it; for writes to a disk. */
  readonly tear?: () => void;
  /** The effect may come after the request was given up. */
  readonly late?: boolean;
  /** Done by the process itself, on this machine: nothing of it happens after its death. */
  readonly isLocal?: boolean;
  /** How often faults come, compared with other calls; for calls of which there are many. */
  readonly faultWeight?: number;
  /** The errors this call can end with. */
  readonly errors: { readonly [Kind in Exclude<FaultKind, 'hang' | 'deaf'>]?: () => unknown };
  /** Now and then it goes on through the abort of its signal until its own time is over. */
  readonly mayBeDeaf?: boolean;
  /** When a request without an answer is given up by the adapter; without it nothing hangs. */
  readonly timeoutMs?: number;
}

export interface World {
  readonly timeline: Timeline;
  readonly faults: FaultSource;
  /** Milliseconds the wall clock of the machine is wrong by. */
  clockErrorMs: number;
  /** The furthest it ever jumped ahead at once. */
  longestJumpMs: number;
  trace(line: string): void;
}

export function jumpClock(world: World, byMs: number): void {
  world.clockErrorMs += byMs;
  world.longestJumpMs = Math.max(world.longestJumpMs, byMs);
}

/** Longer than any limit of a freeze window. */
const DEAF_MS = 200_000;

/** Wall-clock time at the beginning of every timeline. */
export const EPOCH_MS = Date.UTC(2026, 10, 20, 1, 0, 0);

/** Kills a process at its call of that number, or at its first one of that name. */
export interface Death {
  readonly atCall: number | string;
  readonly when: 'before' | 'torn' | 'after' | 'late';
  /** When the last request takes effect, for `late`. */
  readonly lateMs: number;
}

/**
 * A process that runs a hook. When it is killed, none of its continuations runs again: whatever it waited for never comes.
 * What it asked for still happens.
 */
export class HookProcess {
  readonly id: string;
  readonly world: World;
  readonly clock: Clock;
  /** Faults it met, as `call fault`. */
  readonly met: string[] = [];
  /** Calls it made. */
  callCount = 0;
  lastCallAtMs = 0;
  /** Guests it asked to freeze and has not asked to go on since, in whatever way it can. */
  readonly unreleased = new Set<string>();
  #death: Death | undefined;
  #isAlive = true;

  constructor(id: string, world: World, death?: Death) {
    this.id = id;
    this.world = world;
    this.#death = death;
    const { timeline } = world;
    this.clock = {
      now: () => new Date(EPOCH_MS + timeline.nowMs + world.clockErrorMs),
      monotonicMs: () => timeline.nowMs + 5000,
      sleep: (durationMs, signal) => this.#sleep(durationMs, signal),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  kill(): void {
    if (this.#isAlive) this.world.trace(`${this.id} is dead`);
    this.#isAlive = false;
  }

  /** The process has done its work: nothing of it is there any more. */
  exit(): void {
    this.#isAlive = false;
  }

  /** Sends a request; rejects with the signal's reason when that aborts first, and the request goes on without us. */
  call<Result>(call: PortCall<Result>): Promise<Result> {
    const { signal } = call;
    if (!this.#isAlive) return never();
    if (signal?.aborted) return Promise.reject(signal.reason);
    const fault = this.#nextFault(call);
    if (fault.kind !== 'none') {
      this.met.push(`${call.name} ${faultName(fault)}`);
      this.world.trace(`${this.id} ${call.name} ${faultName(fault)}`);
    } else this.world.trace(`${this.id} ${call.name}`);
    if (fault.kind === 'killed' && fault.when !== 'after') {
      if (fault.when === 'torn') call.tear?.();
      if (fault.when === 'late') this.world.timeline.after(fault.lateMs, () => attempt(call.effect));
      this.kill();
      return never();
    }
    return this.guard(
      (resolve, reject) => this.#send(call, fault, resolve, reject),
      fault.kind === 'deaf' ? undefined : signal,
    );
  }

  /** A promise that this process sees settle only while it lives, and that the signal ends. */
  guard<Result>(
    start: (resolve: (result: Result) => void, reject: (error: unknown) => void) => void,
    signal?: AbortSignal,
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      let isOpen = true;
      const end = (finish: () => void) => {
        if (!isOpen || !this.#isAlive) return;
        isOpen = false;
        signal?.removeEventListener('abort', onAbort);
        finish();
      };
      const onAbort = () => end(() => reject(signal?.reason));
      signal?.addEventListener('abort', onAbort);
      start(
        (result) => end(() => resolve(result)),
        (error) => end(() => reject(error)),
      );
    });
  }

  #nextFault<Result>({ name, errors, timeoutMs, late, tear, faultWeight, mayBeDeaf }: PortCall<Result>): Fault {
    this.callCount += 1;
    this.lastCallAtMs = this.world.timeline.nowMs;
    if (this.#death && (this.#death.atCall === name || this.#death.atCall === this.callCount)) {
      const { when, lateMs } = this.#death;
      if (when === 'late') return late ? { kind: 'killed', when, lateMs } : { kind: 'killed', when: 'before' };
      return { kind: 'killed', when: when === 'torn' && !tear ? 'before' : when };
    }
    const possible: FaultKind[] = [];
    if (errors.refused) possible.push('refused');
    if (errors.busy) possible.push('busy');
    if (errors.lost) possible.push('lost');
    if (timeoutMs !== undefined) possible.push('hang');
    if (mayBeDeaf) possible.push('deaf');
    return this.world.faults.next(possible, late ?? false, faultWeight);
  }

  #send<Result>(
    call: PortCall<Result>,
    fault: Fault,
    resolve: (result: Result) => void,
    reject: (error: unknown) => void,
  ): void {
    const { timeline } = this.world;
    const { latencyMs, errors } = call;
    const answer = (give: () => void) => timeline.after(latencyMs, give);
    const isLost = () => call.isLocal === true && !this.#isAlive;
    switch (fault.kind) {
      case 'refused':
      case 'busy':
        answer(() => reject(errors[fault.kind]?.()));
        return;
      case 'lost':
      case 'hang':
      case 'deaf': {
        const effectMs = fault.effect === 'late' ? fault.lateMs : latencyMs;
        if (fault.effect !== 'none') timeline.after(effectMs, () => isLost() || attempt(call.effect));
        const endMs = { hang: call.timeoutMs ?? 0, deaf: DEAF_MS, lost: latencyMs * 2 }[fault.kind];
        timeline.after(endMs, () => reject((errors.lost ?? errors.refused)?.()));
        return;
      }
      default:
        timeline.after(latencyMs, () => {
          if (isLost()) return;
          const result = attempt(call.effect);
          if (fault.kind === 'killed') this.kill();
          answer(() => ('error' in result ? reject(result.error) : resolve(result.value)));
        });
    }
  }

  #sleep(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#isAlive) return never();
    if (signal?.aborted) return Promise.reject(signal.reason);
    let cancel = () => {};
    const slept = this.guard<void>((resolve) => {
      cancel = this.world.timeline.after(durationMs, resolve);
    }, signal);
    // A sleep that was called off must not keep virtual time going.
    return slept.catch((reason: unknown) => {
      cancel();
      throw reason;
    });
  }
}

function attempt<Result>(effect: () => Result): { readonly value: Result } | { readonly error: unknown } {
  try {
    return { value: effect() };
  } catch (error) {
    return { error };
  }
}

const never = <Result>(): Promise<Result> => new Promise<Result>(() => undefined);
