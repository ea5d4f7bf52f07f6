import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import { backoffMs } from './backoff.ts';
import { mayPass, type Refusal, refusalError } from './messages.ts';
import type { Reply } from './reply.ts';

/** A change that may be asked for again and again, because a look at the array tells what of it is still to do. */
export interface RepeatableChange<Item> {
  /** Of this many items, such as `unlink 3 targets of snapshot "x"`. */
  readonly action: (count: number) => string;
  readonly send: (items: readonly Item[]) => Promise<Reply>;
  /** Those of the items the change is still to be made on. */
  readonly readBack: (items: readonly Item[]) => Promise<readonly Item[]>;
  /** Could the present state explain the refusal? Rights and server trouble are told as they are. */
  readonly isAboutState: (refusal: Refusal) => boolean;
  /** Refused, and nothing of it is done: throws what to tell, or resolves once it is worth another try. */
  readonly stuck: (refusal: Refusal, items: readonly Item[]) => Promise<void>;
}

export interface RepeatOptions {
  readonly clock: Clock;
  /** Pause after the first busy or lost answer. */
  readonly firstPauseMs: number;
}

/** Shipping clients of Unisphere wait out a busy server for about two minutes. */
const PATIENCE_MS = 120_000;

/**
 * Makes the change on all items. After a busy answer or one that was lost: pauses, looks what is still to do, and asks for
 * exactly that. Ends with the error of the last attempt after two minutes, with the signal's reason when that aborts.
 * `found-done`: not the array's word but a look tells that nothing is left to do.
 */
export async function changeAll<Item>(
  items: readonly Item[],
  change: RepeatableChange<Item>,
  options: RepeatOptions,
  signal: AbortSignal,
): Promise<'done' | 'found-done'> {
  const patience = new Patience(options, signal);
  let remaining = items;
  while (remaining.length > 0) {
    const trouble = await attempt(change, remaining, patience, signal);
    if (trouble === undefined) return 'done';
    const isLast = trouble.kind === 'passing' && !(await patience.pause());
    const left = await readBackPatiently(change, remaining, patience, signal);
    if (left.length > 0 && isLast) throw trouble.error;
    if (trouble.kind === 'state' && left.length === remaining.length) await change.stuck(trouble.refusal, left);
    remaining = left;
  }
  return 'found-done';
}

type Trouble =
  | { readonly kind: 'passing'; readonly error: SnaphookError }
  | { readonly kind: 'state'; readonly refusal: Refusal };

async function attempt<Item>(
  change: RepeatableChange<Item>,
  items: readonly Item[],
  patience: Patience,
  signal: AbortSignal,
): Promise<Trouble | undefined> {
  try {
    const reply = await change.send(items);
    if (reply.kind === 'done') return undefined;
    const { refusal } = reply;
    const error = refusalError(refusal, change.action(items.length));
    if (mayPass(refusal)) return { kind: 'passing', error };
    if (change.isAboutState(refusal)) return { kind: 'state', refusal };
    throw error;
  } catch (error) {
    if (!isPassing(error, signal)) throw error;
    // A server nobody can connect to is told at once; one that was there a moment ago may be starting again.
    if (error.effect === 'none' && !patience.isTried) throw error;
    return { kind: 'passing', error };
  }
}

async function readBackPatiently<Item>(
  change: RepeatableChange<Item>,
  items: readonly Item[],
  patience: Patience,
  signal: AbortSignal,
): Promise<readonly Item[]> {
  for (;;) {
    try {
      return await change.readBack(items);
    } catch (error) {
      if (!isPassing(error, signal) || !(await patience.pause())) throw error;
    }
  }
}

/** When the caller gave up, the error carries the caller's reason, whatever its code. */
function isPassing(error: unknown, signal: AbortSignal): error is SnaphookError {
  if (signal.aborted || !(error instanceof SnaphookError)) return false;
  return error.code === 'E_ARRAY_BUSY' || error.code === 'E_ARRAY_UNREACHABLE';
}

class Patience {
  readonly #options: RepeatOptions;
  readonly #signal: AbortSignal;
  #pauses = 0;
  #sinceMs = 0;

  constructor(options: RepeatOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  get isTried(): boolean {
    return this.#pauses > 0;
  }

  /** False, at once, when patience is at its end. */
  async pause(): Promise<boolean> {
    const { clock, firstPauseMs } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#pauses === 0) this.#sinceMs = nowMs;
    this.#pauses += 1;
    const pauseMs = backoffMs(firstPauseMs, this.#pauses);
    if (nowMs - this.#sinceMs + pauseMs > PATIENCE_MS) return false;
    await clock.sleep(pauseMs, this.#signal);
    return true;
  }
}
