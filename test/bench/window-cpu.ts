import type { LabEvent } from '../../src/lab/world/events.ts';
import type { Guest } from '../../src/ports/guest.ts';

/** Processor time of this process, its own and the kernel's for it, from the first freeze to the last thaw of a window. */
export class WindowCpu {
  #atFreeze: NodeJS.CpuUsage | undefined;
  #standing = 0;
  #ms = 0;

  get ms(): number {
    return this.#ms;
  }

  freezing(): void {
    this.#atFreeze ??= process.cpuUsage();
    this.#standing += 1;
  }

  /** Looked at with the last one only: to ask the kernel takes longer than to thaw a guest. */
  thawed(): void {
    this.#standing -= 1;
    if (!this.#atFreeze || this.#standing > 0) return;
    const { user, system } = process.cpuUsage(this.#atFreeze);
    this.#ms = (user + system) / 1000;
  }

  /** The next freeze begins another window. */
  reset(): void {
    this.#atFreeze = undefined;
    this.#standing = 0;
    this.#ms = 0;
  }

  /** For the side of the client. */
  watch(guest: Guest): Guest {
    return {
      name: guest.name,
      scriptLimitMs: guest.scriptLimitMs,
      prepare: (request, signal) => guest.prepare(request, signal),
      quiet: (request, signal) => guest.quiet(request, signal),
      freeze: (signal) => {
        this.freezing();
        return guest.freeze(signal);
      },
      thaw: async (signal) => {
        const verdict = await guest.thaw(signal);
        this.thawed();
        return verdict;
      },
      finish: (signal) => guest.finish(signal),
      close: () => guest.close(),
    };
  }

  /** For the side of the lab. */
  see({ system, kind, operation }: LabEvent): void {
    if (system !== 'guest' || kind !== 'effect') return;
    if (/^freeze$/i.test(operation)) this.freezing();
    if (/^thaw$/i.test(operation)) this.thawed();
  }
}
