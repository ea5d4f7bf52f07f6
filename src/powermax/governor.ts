/** Lanes are counted apart: a crowd of reads never keeps a write waiting. */
export type Lane = 'read' | 'write';

export interface GovernorLimits {
  readonly reads: number;
  readonly writes: number;
}

/**
 * What Dell's own CSI reverse proxy allows in front of one Unisphere; more only queues inside the server,
 * where the number of gatekeeper devices limits simultaneous calls anyway.
 */
export const DEFAULT_LIMITS: GovernorLimits = { reads: 5, writes: 4 };

interface Waiting {
  readonly urgent: boolean;
  readonly start: () => void;
}

export interface Governor {
  /**
   * Runs the task as soon as its lane has a free place, first come first served; urgent tasks go before those that are not.
   * Rejects with the signal's reason when aborted before its turn: then the task never ran.
   */
  run<T>(lane: Lane, task: () => Promise<T>, options: { signal: AbortSignal; urgent?: boolean }): Promise<T>;
}

/** Bounds the requests in flight to one Unisphere. */
export function createGovernor(limits: GovernorLimits = DEFAULT_LIMITS): Governor {
  const free: Record<Lane, number> = { read: limits.reads, write: limits.writes };
  const queues: Record<Lane, Waiting[]> = { read: [], write: [] };

  const place = (lane: Lane, signal: AbortSignal, urgent: boolean): Promise<void> => {
    signal.throwIfAborted();
    if (free[lane] > 0) {
      free[lane] -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const queue = queues[lane];
      // A signal of its own for each: hundreds may wait on one signal of the caller, which is no leak.
      const ownSignal = AbortSignal.any([signal]);
      const giveUp = () => {
        queue.splice(queue.indexOf(waiting), 1);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        urgent,
        start: () => {
          ownSignal.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      ownSignal.addEventListener('abort', giveUp, { once: true });
      const firstCalm = queue.findIndex((other) => !other.urgent);
      if (urgent && firstCalm >= 0) queue.splice(firstCalm, 0, waiting);
      else queue.push(waiting);
    });
  };

  const leave = (lane: Lane) => {
    const next = queues[lane].shift();
    if (next) next.start();
    else free[lane] += 1;
  };

  return {
    async run(lane, task, { signal, urgent = false }) {
      await place(lane, signal, urgent);
      try {
        return await task();
      } finally {
        leave(lane);
      }
    },
  };
}
