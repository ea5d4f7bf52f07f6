import type { Session } from './session.ts';

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

/** One run's way to a Unisphere server. */
export interface Access {
  /**
   * Runs the task as soon as its lane has a free place. Runs that wait take turns; within a run it is first come, first served.
   * An urgent task waits for nobody: it starts at once, if need be beside a full lane, because guests stand still for it.
   * Rejects with the signal's reason when aborted before its turn: then the task never ran.
   */
  run<T>(lane: Lane, task: () => Promise<T>, options: { signal: AbortSignal; urgent?: boolean }): Promise<T>;
}

export interface Governor {
  /** A new one for each run. */
  access(): Access;
}

/**
 * Bounds the requests in flight to one Unisphere server, of whatever arrays. `processes` tells how many processes of this machine work now: each takes its
 * share of the limits, and at least one place, without asking the others.
 */
export function createGovernor(limits: GovernorLimits, processes: () => number = () => 1): Governor {
  const lanes = { read: new PlacesOfLane(limits.reads, processes), write: new PlacesOfLane(limits.writes, processes) };
  return {
    access() {
      const run = {};
      return {
        async run(lane, task, { signal, urgent = false }) {
          signal.throwIfAborted();
          const places = lanes[lane];
          if (urgent) places.enter();
          else await places.wait(run, signal);
          try {
            return await task();
          } finally {
            places.leave();
          }
        },
      };
    },
  };
}

/** Who works in this process is one object a run; the order of its keys is the order of turns. */
class PlacesOfLane {
  readonly #limit: number;
  readonly #processes: () => number;
  readonly #waiting = new Map<object, (() => void)[]>();
  #inFlight = 0;

  constructor(limit: number, processes: () => number) {
    this.#limit = limit;
    this.#processes = processes;
  }

  enter(): void {
    this.#inFlight += 1;
  }

  leave(): void {
    this.#inFlight -= 1;
    while (this.#hasRoom() && this.#startNext());
  }

  wait(run: object, signal: AbortSignal): Promise<void> {
    if (this.#waiting.size === 0 && this.#hasRoom()) {
      this.enter();
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(run) ?? [];
      this.#waiting.set(run, queue);
      // A signal of its own for each: hundreds may wait on one signal of the caller, which is no leak.
      const ownSignal = AbortSignal.any([signal]);
      const giveUp = () => {
        queue.splice(queue.indexOf(start), 1);
        if (queue.length === 0) this.#waiting.delete(run);
        reject(signal.reason);
      };
      const start = () => {
        ownSignal.removeEventListener('abort', giveUp);
        resolve();
      };
      ownSignal.addEventListener('abort', giveUp, { once: true });
      queue.push(start);
    });
  }

  #hasRoom(): boolean {
    const share = Math.max(1, Math.floor(this.#limit / Math.max(1, this.#processes())));
    return this.#inFlight < share;
  }

  /** The run whose turn it is gets one place and goes to the end of the row. */
  #startNext(): boolean {
    const [next] = this.#waiting;
    if (!next) return false;
    const [run, queue] = next;
    this.#waiting.delete(run);
    const start = queue.shift();
    if (queue.length > 0) this.#waiting.set(run, queue);
    if (!start) return false;
    this.enter();
    start();
    return true;
  }
}

const ofThisProcess = new Map<string, Governor>();

/** The one governor of this process for a server: whatever runs here shares its places. */
export function governorOf(server: string, processes: () => number): Governor {
  const known = ofThisProcess.get(server);
  if (known) return known;
  const governor = createGovernor(DEFAULT_LIMITS, processes);
  ofThisProcess.set(server, governor);
  return governor;
}

/** The session whose calls each take a place of its server. */
export const governed = (session: Session, access: Access): Session => ({
  ...session,
  send: (call, signal) =>
    access.run(call.call, () => session.send(call, signal), { signal, urgent: call.urgent === true }),
});
