import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Lock, Locks } from '../../../src/ports/journal.ts';
import type { HookProcess } from '../hook-process.ts';
import type { Random } from '../random.ts';
import type { Holding, StateDirectory } from './state-directory.ts';

const RETRY_PAUSE_MS = 100;
/** How soon a holder that listens sees a request. */
const LOOK_EVERY_MS = 250;

/** Locks as files of the state directory: requests to stop are seen by living holders that listen, and by nobody else. */
export function simulatedLocks(disk: StateDirectory, process: HookProcess, random: Random): Locks {
  const { clock } = process;
  const isFree = (name: string): boolean => !disk.locks.get(name)?.holder.isAlive;
  const call = <Result>(name: string, effect: () => Result) =>
    process.call({ name: `locks.${name}`, latencyMs: 1, effect, isLocal: true, errors: {} });
  const take = (name: string): Holding | undefined => {
    if (!isFree(name)) return undefined;
    const holding: Holding = {
      holder: process,
      lost: new AbortController(),
      stop: new AbortController(),
      isListening: false,
      request: undefined,
    };
    disk.locks.set(name, holding);
    return holding;
  };
  const look = (holding: Holding): void => {
    process.world.timeline.after(random.between(1, LOOK_EVERY_MS), () => {
      const { request, holder, isListening, stop } = holding;
      if (request === undefined || !holder.isAlive || !isListening) return;
      holding.request = undefined;
      process.world.trace(`${holder.id} is asked to stop, because ${request}`);
      stop.abort(new SnaphookError('E_INTERRUPTED', `interrupted, because ${request}`, { effect: 'unknown' }));
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
    async acquire(name, waitMs, { signal, stopHolder } = {}) {
      const untilMs = clock.monotonicMs() + waitMs;
      let asked: Holding | undefined;
      try {
        signal?.throwIfAborted();
        let mine = await call('acquire', () => take(name));
        while (!mine) {
          signal?.throwIfAborted();
          const holding = disk.locks.get(name);
          if (holding && stopHolder !== undefined) {
            asked ??= holding;
            if (holding === asked && !holding.stop.signal.aborted && holding.request === undefined) {
              holding.request = stopHolder;
              look(holding);
            }
          }
          const isLater = holding !== undefined && asked !== undefined && holding !== asked;
          if (isLater || clock.monotonicMs() >= untilMs)
            throw new SnaphookError('E_LOCKED', `"${name}" is in use`, { retry: 'safe' });
          await clock.sleep(Math.min(RETRY_PAUSE_MS, Math.max(1, untilMs - clock.monotonicMs())), signal);
          mine = take(name);
        }
        return lockOf(name, mine, asked !== undefined && asked.request === undefined);
      } finally {
        if (asked) asked.request = undefined;
      }
    },
    list: () => call('list', () => [...disk.locks.keys()].map((name) => ({ name, abandoned: isFree(name) }))),
    sweep: () =>
      call('sweep', () => {
        for (const name of [...disk.locks.keys()]) if (isFree(name)) disk.locks.delete(name);
      }),
  };
}
