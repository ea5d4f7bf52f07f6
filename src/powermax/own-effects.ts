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

  linked(name: string, pairs: readonly DevicePair[]): void {
    for (const { source, target } of pairs) this.#change(name, source, (targets) => [...targets, target]);
  }

  unlinked(name: string, pairs: readonly DevicePair[]): void {
    for (const { source, target } of pairs) {
      this.#change(name, source, (targets) => targets.filter((one) => one !== target));
    }
  }

  terminated(name: string, devices: readonly DeviceId[]): void {
    for (const device of devices) this.#known.set(key(name, device), { exists: false, targets: [] });
  }

  /** Nothing is known any more: an effect was asked for and not confirmed. */
  forget(name: string, devices: readonly DeviceId[]): void {
    for (const device of devices) this.#known.delete(key(name, device));
  }

  /** Of a device nothing is known about a single link says nothing about its others. */
  #change(name: string, device: DeviceId, next: (targets: readonly DeviceId[]) => readonly DeviceId[]): void {
    const before = this.of(name, device);
    if (before) this.#known.set(key(name, device), { exists: true, targets: next(before.targets) });
  }
}

const key = (name: string, device: DeviceId) => `${device}/${name}`;
