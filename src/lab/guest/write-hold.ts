import type { BlockDevice } from '../devices/block-device.ts';

/**
 * The kernel's hold of writes on some of the guest's devices (IOCTL_VOLSNAP_FLUSH_AND_HOLD_WRITES; FIFREEZE).
 * Writers ask `whenWritable` before they write, which is how a blocked write looks in a single-threaded lab.
 * One that writes regardless is a defect of the lab and is told loudly.
 */
export class WriteHold {
  readonly #held = new Set<BlockDevice>();
  #released: (() => void)[] = [];

  get active(): boolean {
    return this.#held.size > 0;
  }

  hold(devices: Iterable<BlockDevice>): void {
    for (const device of devices) this.#held.add(device);
  }

  release(devices: Iterable<BlockDevice>): void {
    for (const device of devices) this.#held.delete(device);
    const released = this.#released;
    this.#released = [];
    for (const resolve of released) resolve();
  }

  holds(device: BlockDevice): boolean {
    return this.#held.has(device);
  }

  /** Resolves when none of these devices is held. Check again synchronously before writing. */
  async whenWritable(devices: readonly BlockDevice[]): Promise<void> {
    while (devices.some((device) => this.#held.has(device))) {
      await new Promise<void>((resolve) => this.#released.push(resolve));
    }
  }

  /** The device as the guest's software sees it. */
  guard(device: BlockDevice, name: string): BlockDevice {
    const guarded: BlockDevice = {
      sizeBytes: device.sizeBytes,
      read: (offsetBytes, lengthBytes) => device.read(offsetBytes, lengthBytes),
      write: (offsetBytes, data) => {
        if (this.#held.has(guarded)) throw new Error(`lab defect: write to disk "${name}" while its writes are held`);
        device.write(offsetBytes, data);
      },
    };
    return guarded;
  }
}
