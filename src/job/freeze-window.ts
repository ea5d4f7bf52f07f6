import { type ErrorCode, SnaphookError } from '../ports/errors.ts';
import type { Guest, ThawVerdict } from '../ports/guest.ts';
import type { InstanceUuid } from '../ports/identity.ts';
import { type Limit, limitError, withinLimit } from './deadline.ts';
import { establishLimitMs } from './establish-limit.ts';
import type { WindowTimes } from './grade.ts';
import { devicesOf } from './plan.ts';
import type { Run } from './step.ts';

/** How a guest came out of the window. */
export type GuestThaw =
  | { readonly confirmed: true; readonly verdict: ThawVerdict }
  | { readonly confirmed: false; readonly error: unknown };

export interface FreezeWindow {
  readonly times: WindowTimes;
  /** The array's own time for the establish, where it told it. */
  readonly arrayServiceMs: number | undefined;
  readonly freezeErrors: readonly unknown[];
  /** Set when the establish did not answer well; `effect` says whether a snapshot may exist all the same. */
  readonly establishError: unknown;
  readonly thaws: ReadonlyMap<InstanceUuid, GuestThaw>;
}

/**
 * Freeze all guests, establish ONE snapshot, thaw all guests.
 *
 * Nothing is journaled, logged or looked up in here, and no connection is opened: the intent is on disk before and the result
 * after. While guests take long to come to a hold, the array's connection is used now and then, or the server would close it.
 * Whatever goes wrong, every guest that was asked to freeze is thawed until it confirms, even when the run is being
 * aborted: the thaw does not listen to the run's signal.
 */
export async function holdFreezeWindow(run: Run, signal: AbortSignal): Promise<FreezeWindow> {
  const keepWarm = keepArrayWarm(run, signal);
  const takePoint = async () => {
    await keepWarm.end();
    return establish(run, signal);
  };
  try {
    return await inFreezeWindow(run, () => holdWindow(run, [...run.openGuests], takePoint, signal));
  } finally {
    await keepWarm.end();
  }
}

/** Half of the time after which a connection that was not used counts as cold. */
const WARM_EVERY_MS = 5000;
/** A read that is under way when the guests stand still would make the establish open a connection; it is not waited for longer. */
const WARM_ENDS_WITHIN_MS = 250;

/** One small read every few seconds, until its end is asked for. That it fails the establish will tell. */
function keepArrayWarm({ array, ports: { clock } }: Run, signal: AbortSignal): { end(): Promise<void> } {
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  const keep = async () => {
    for (;;) {
      await clock.sleep(WARM_EVERY_MS, until);
      await array.warm(signal).catch(() => undefined);
    }
  };
  const kept = keep().catch(() => undefined);
  return {
    async end() {
      ended.abort();
      const waited = new AbortController();
      await Promise.race([kept, clock.sleep(WARM_ENDS_WITHIN_MS, waited.signal).catch(() => undefined)]);
      waited.abort();
    },
  };
}

/** While the work is under way, guests may stand still: nothing is logged, and what can be done before is done before. */
export async function inFreezeWindow<Result>(run: Run, work: () => Promise<Result>): Promise<Result> {
  run.ports.tidyMemory();
  run.inFreezeWindow = true;
  try {
    return await work();
  } finally {
    run.inFreezeWindow = false;
  }
}

/** The window of these guests alone, with `takePoint` in its middle, which returns the array's own time where it is told. Never rejects. */
export async function holdWindow(
  run: Run,
  guests: readonly NamedGuest[],
  takePoint: () => Promise<number | undefined>,
  signal: AbortSignal,
): Promise<FreezeWindow> {
  const { clock } = run.ports;
  const times: { -readonly [Key in keyof WindowTimes]: WindowTimes[Key] } = {
    freezeRequestedMs: clock.monotonicMs(),
    frozenMs: undefined,
    establishSentMs: undefined,
    establishConfirmedMs: undefined,
    thawSentMs: undefined,
    thawedMs: undefined,
  };
  let arrayServiceMs: number | undefined;
  let establishError: unknown;
  const freezeErrors: unknown[] = [];
  let thaws: ReadonlyMap<InstanceUuid, GuestThaw> = new Map();
  try {
    freezeErrors.push(...(await freezeAll(run, guests, signal)));
    if (freezeErrors.length === 0) {
      times.frozenMs = clock.monotonicMs();
      times.establishSentMs = times.frozenMs;
      try {
        arrayServiceMs = await takePoint();
        times.establishConfirmedMs = clock.monotonicMs();
      } catch (error) {
        // A call that was called off tells nothing about its effect, whatever it was called off for.
        establishError = signal.aborted ? withUnknownEffect(error) : error;
      }
    }
  } finally {
    times.thawSentMs = clock.monotonicMs();
    thaws = await thawAll(run, guests);
    times.thawedMs = clock.monotonicMs();
  }
  return { times, arrayServiceMs, freezeErrors, establishError, thaws };
}

export type NamedGuest = readonly [InstanceUuid, Guest];

/**
 * When one guest fails the window is lost: the others are not kept waiting for it. VSS takes seconds to come to a hold that
 * lasts at most ten; file systems of Linux stand still in a moment, so they come last and nobody's lease is spent on waiting.
 */
async function freezeAll(run: Run, guests: readonly NamedGuest[], signal: AbortSignal): Promise<unknown[]> {
  const isLinux = ([vm]: NamedGuest) =>
    run.plan.vms.some(({ instanceUuid, freeze }) => instanceUuid === vm && freeze === 'linux-fsfreeze');
  const errors = await freezeTogether(
    run,
    guests.filter((guest) => !isLinux(guest)),
    signal,
  );
  return errors.length > 0 ? errors : freezeTogether(run, guests.filter(isLinux), signal);
}

async function freezeTogether(run: Run, guests: readonly NamedGuest[], signal: AbortSignal): Promise<unknown[]> {
  const { freezeMs: durationMs } = run.plan.spec.limits;
  const limit: Limit = { durationMs, code: 'E_FREEZE_FAILED', message: `was not frozen within ${durationMs} ms` };
  const lost = new AbortController();
  const errors: unknown[] = [];
  await together(run, limit, AbortSignal.any([signal, lost.signal]), (within) =>
    guests.map(async ([, guest]) => {
      try {
        await within(guest, (over) => guest.freeze(over));
      } catch (error) {
        errors.push(error);
        lost.abort(error);
      }
    }),
  );
  return errors;
}

type Within = <Result>(guest: Guest, work: (over: AbortSignal) => Promise<Result>) => Promise<Result>;

/**
 * Works on all guests under one limit, whose message goes on behind the name of a guest: they are asked at the same moment, and a
 * timer with signals of its own for each of hundreds would keep all of them standing still for longer. The works never reject.
 */
function together<Result>(
  run: Run,
  limit: Limit,
  parent: AbortSignal | undefined,
  works: (within: Within) => readonly Promise<Result>[],
): Promise<readonly Result[]> {
  return withinLimit(run.ports.clock, limit, parent, (over) => {
    const givenUp = whenAborted(over);
    givenUp.catch(() => undefined);
    return Promise.all(
      works(async (guest, work) => {
        try {
          return await Promise.race([work(over), givenUp]);
        } catch (error) {
          if (parent?.aborted) throw parent.reason;
          throw over.aborted ? limitError({ ...limit, message: `guest "${guest.name}" ${limit.message}` }) : error;
        }
      }),
    );
  });
}

async function establish(run: Run, signal: AbortSignal): Promise<number | undefined> {
  const { snapshotName: name, spec } = run.plan;
  const limitMs = establishLimitMs(run, [...run.openGuests.keys()]);
  const message = `array "${run.array.id}" did not confirm snapshot "${name}" within ${limitMs} ms`;
  const { serviceMs } = await limited(run, limitMs, 'E_FREEZE_WINDOW', message, signal, (limit) =>
    run.array.establish({ name, devices: devicesOf(run.plan), timeToLiveHours: spec.timeToLiveHours }, limit),
  );
  return serviceMs;
}

async function thawAll(run: Run, guests: readonly NamedGuest[]): Promise<ReadonlyMap<InstanceUuid, GuestThaw>> {
  const { thawMs: durationMs } = run.plan.spec.limits;
  const message = `did not confirm within ${durationMs} ms that it writes again`;
  const limit: Limit = { durationMs, code: 'E_THAW_UNCONFIRMED', message };
  const thaws = await together(run, limit, undefined, (within) =>
    guests.map(async ([vm, guest]): Promise<readonly [InstanceUuid, GuestThaw]> => {
      try {
        const verdict = await within(guest, (over) => guest.thaw(over));
        return [vm, { confirmed: true, verdict }];
      } catch (error) {
        return [vm, { confirmed: false, error }];
      }
    }),
  );
  return new Map(thaws);
}

/** In the window nobody is waited for beyond the limit, not even for the word that a call was given up: guests stand still. */
export function limited<Result>(
  run: Run,
  durationMs: number,
  code: ErrorCode,
  message: string,
  parent: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  return withinLimit(run.ports.clock, { durationMs, code, message }, parent, (limit) =>
    Promise.race([work(limit), whenAborted(limit)]),
  );
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** The error of a window that took no usable snapshot; undefined when there may be one. */
export function windowFailure(window: FreezeWindow): unknown {
  const first = window.freezeErrors[0];
  if (first !== undefined) return asFreezeFailure(first);
  if (window.establishError instanceof SnaphookError && window.establishError.effect === 'unknown') return undefined;
  return window.establishError;
}

/** Of a request that was sent: it may still take effect. */
export function withUnknownEffect(error: unknown): unknown {
  if (!(error instanceof SnaphookError) || error.effect === 'unknown') return error;
  return new SnaphookError(error.code, error.message, {
    cause: error,
    effect: 'unknown',
    retry: 'after-probe',
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

function asFreezeFailure(error: unknown): unknown {
  if (!(error instanceof SnaphookError) || error.effect === 'none') return error;
  // The window is over and every guest was thawed: there is nothing left to probe.
  return new SnaphookError(error.code, error.message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
