import type { DeviceId } from '../ports/identity.ts';
import type { DevicePair } from '../ports/storage-array.ts';

/** What the array acknowledged to this process about one snapshot name on one device. */
export interface OwnEffect {
  readonly exists: boolean;
  readonly targets: readonly DeviceId[];
}

/**
 * Remembers the effects this process asked for and the array confirmed. Unisphere's object model may lag seconds behind the array:
 * a bulk read that agrees with what was confirmed is believed, one that does not (or about which nothing is known) is checked
 * at the device itself.
 */
export class OwnEffects {
  readonly #known = new Map<string, OwnEffect>();

  of(name: string, device: DeviceId): OwnEffect | undefined {
    return this.#known.get(key(name, device));
  }

  established(name: string, devices: readonly DeviceId[]): void {
    for (const device of devices) this.#known.set(key(name, device), { exists: true, targets: [] });
  }

  /** Of a device nothing was known about, one link says nothing about its others. */
  linked(name: string, pairs: readonly DevicePair[]): void {
    for (const { source, target } of pairs) {
      const before = this.of(name, source);
      if (before)
        this.#known.set(key(name, source), { exists: true, targets: [...new Set([...before.targets, target])] });
    }
  }

  /** An unlink that was done proves that the snapshot exists; whether it is still linked to others a read tells. */
  unlinked(name: string, pairs: readonly DevicePair[]): void {
    for (const { source, target } of pairs) {
      const targets = this.of(name, source)?.targets.filter((one) => one !== target) ?? [];
      this.#known.set(key(name, source), { exists: true, targets });
    }
  }

  terminated(name: string, devices: readonly DeviceId[]): void {
    for (const device of devices) this.#known.set(key(name, device), { exists: false, targets: [] });
  }

  /** Nothing is known any more: an effect was asked for and not confirmed. */
  forget(name: string, devices: readonly DeviceId[]): void {
    for (const device of devices) this.#known.delete(key(name, device));
  }
}

const key = (name: string, device: DeviceId) => `${device}/${name}`;
