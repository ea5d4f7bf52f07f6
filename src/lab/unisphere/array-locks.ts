import { autoProvisioningBusy, deviceLocked } from './messages.ts';

interface HeldLock {
  readonly number: number;
  readonly usage: string;
  readonly sinceMs: number;
  readonly user: string;
}

/** Two calls that change the same device, or the masking of the array, at the same time: the second one is refused. */
export class ArrayLocks {
  readonly #devices = new Map<string, HeldLock>();
  readonly #held = new Set<HeldLock>();
  #masking = false;
  #serial = 0;

  /** Takes all or nothing. Returns the release. */
  take(request: { devices: readonly string[]; masking: boolean; usage: string; user: string }): () => void {
    if (request.masking && this.#masking) throw autoProvisioningBusy();
    if (request.devices.some((device) => this.#devices.has(device))) throw deviceLocked();
    this.#serial += 1;
    const lock: HeldLock = {
      number: this.#serial,
      usage: request.usage,
      sinceMs: performance.now(),
      user: request.user,
    };
    for (const device of request.devices) this.#devices.set(device, lock);
    if (request.masking) this.#masking = true;
    this.#held.add(lock);
    return () => {
      for (const device of request.devices) this.#devices.delete(device);
      if (request.masking) this.#masking = false;
      this.#held.delete(lock);
    };
  }

  /** As `include_lock_info=true` shows them. */
  info(): readonly unknown[] {
    return [...this.#held].map((lock) => ({
      lock_number: lock.number,
      lock_usage: lock.usage,
      lock_host: 'unisphere.lab',
      lock_user: lock.user,
      time_held_seconds: Math.floor((performance.now() - lock.sinceMs) / 1000),
    }));
  }
}
