import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Lock, Locks, LockUser } from '../../../src/ports/journal.ts';
import type { HookProcess } from '../hook-process.ts';
import type { Random } from '../random.ts';
import type { Holding, StateDirectory, StopAsked } from './state-directory.ts';

const RETRY_PAUSE_MS = 100;
/** How soon a holder that listens sees a request. */
const LOOK_EVERY_MS = 250;

/** Locks as files of the state directory: requests to stop are seen by living holders that listen, and by nobody else. */
export function simulatedLocks(disk: StateDirectory, process: HookProcess, random: Random): Locks {
  const { clock } = process;
  const isFree = (name: string): boolean => !disk.locks.get(name)?.holder.isAlive;
  const call = <Result>(name: string, effect: () => Result) =>
    process.call({ name: `locks.${name}`, latencyMs: 1, effect, isLocal: true, errors: {} });
  const take = (name: string, user: LockUser | undefined): Holding | undefined => {
    if (!isFree(name)) return undefined;
    const holding: Holding = {
      holder: process,
      lost: new AbortController(),
      stop: new AbortController(),
      isListening: false,
      user,
      requests: new Set(),
    };
    disk.locks.set(name, holding);
    return holding;
  };
  const look = (holding: Holding): void => {
    process.world.timeline.after(random.between(1, LOOK_EVERY_MS), () => {
      const { requests, holder, isListening, stop } = holding;
      const [first] = requests;
      if (first === undefined || !holder.isAlive || !isListening) return;
      for (const request of requests) request.isHeard = true;
      requests.clear();
      process.world.trace(`${holder.id} is asked to stop, because ${first.why}`);
      stop.abort(new SnaphookError('E_INTERRUPTED', `interrupted, because ${first.why}`, { effect: 'unknown' }));
    });
  };
  const lockOf = (name: string, holding: Holding, stoppedHolder: boolean): Lock => ({
    lost: holding.lost.signal,
    stoppedHolder,
    listenForStop() {
      holding.isListening = true;
      look(holding);
      return holding.stop.signal;
    },
    async release() {
      holding.isListening = false;
      if (disk.locks.get(name) === holding) disk.locks.delete(name);
    },
  });
  return {
    async acquire(name, waitMs, { signal, user, meet } = {}) {
      let untilMs = clock.monotonicMs() + waitMs;
      let met: Holding | undefined;
      const asked: { readonly holding: Holding; readonly request: StopAsked }[] = [];
      try {
        signal?.throwIfAborted();
        let mine = await call('acquire', () => take(name, user));
        while (!mine) {
          signal?.throwIfAborted();
          const holding = disk.locks.get(name);
          if (meet && holding && holding !== met) {
            met = holding;
            const demand = meet(holding.user);
            untilMs = clock.monotonicMs() + demand.waitMs;
            if (demand.stop !== undefined) {
              const request: StopAsked = { why: demand.stop, isHeard: false };
              asked.push({ holding, request });
              holding.requests.add(request);
              look(holding);
            }
          }
          if (clock.monotonicMs() >= untilMs)
            throw new SnaphookError('E_LOCKED', `"${name}" is in use`, { retry: 'safe' });
          await clock.sleep(Math.min(RETRY_PAUSE_MS, Math.max(1, untilMs - clock.monotonicMs())), signal);
          mine = take(name, user);
        }
        return lockOf(
          name,
          mine,
          asked.some(({ request }) => request.isHeard),
        );
      } finally {
        for (const { holding, request } of asked) holding.requests.delete(request);
      }
    },
    list: () => call('list', () => [...disk.locks.keys()].map((name) => ({ name, abandoned: isFree(name) }))),
    sweep: () =>
      call('sweep', () => {
        for (const name of [...disk.locks.keys()]) if (isFree(name)) disk.locks.delete(name);
      }),
  };
}
