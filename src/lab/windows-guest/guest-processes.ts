import type { Program } from '../guest/program.ts';

interface RunningProcess {
  readonly id: number;
  /** In 100 ns since 1601, as FILETIME counts. */
  readonly startedAt: bigint;
  kill(): void;
}

const FIRST_ID = 4200;
/** Milliseconds between 1601 and 1970. */
const EPOCH_MS = 11_644_473_600_000n;
/** What TerminateProcess leaves as exit code. */
const KILLED = 1;

/** Processes of some programs, as Windows lists them; ids are multiples of four. */
export class GuestProcesses {
  readonly #running = new Map<string, Set<RunningProcess>>();
  #nextId = FIRST_ID;

  /** The program, its processes listed under this name while they run. */
  track(name: string, program: Program): Program {
    return async (io) => {
      const kill = new AbortController();
      const killed = new Promise<number>((resolve) =>
        kill.signal.addEventListener('abort', () => resolve(KILLED), { once: true }),
      );
      this.#nextId += 4;
      const startedAt = (BigInt(Date.now()) + EPOCH_MS) * 10_000n + BigInt(this.#nextId);
      const process = { id: this.#nextId, startedAt, kill: () => kill.abort() };
      const processes = this.#of(name);
      processes.add(process);
      try {
        return await Promise.race([program({ ...io, killed: AbortSignal.any([io.killed, kill.signal]) }), killed]);
      } finally {
        processes.delete(process);
      }
    };
  }

  /** Number and time of start of each, in the order of their starts. */
  list(name: string): readonly string[] {
    return [...this.#of(name)].map(({ id, startedAt }) => `${id}-${startedAt}`);
  }

  count(name: string): number {
    return this.#of(name).size;
  }

  /** Resolves when the process is gone; one that is not there is gone. */
  async kill(name: string, process: string): Promise<void> {
    const found = [...this.#of(name)].find(({ id, startedAt }) => `${id}-${startedAt}` === process);
    found?.kill();
    while (found && this.#of(name).has(found)) await new Promise((resolve) => setImmediate(resolve));
  }

  #of(name: string): Set<RunningProcess> {
    const processes = this.#running.get(name.toLowerCase()) ?? new Set();
    this.#running.set(name.toLowerCase(), processes);
    return processes;
  }
}
