import type { BlockDevice } from '../devices/block-device.ts';
import type { WriteHold } from '../guest/write-hold.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import type { LinuxKnobs } from './linux-knobs.ts';

/** errno(3) of Linux. */
export const ERRNO = { none: 0, noEntry: 2, busy: 16, invalid: 22 } as const;

export interface LinuxDisk {
  /** Serial as page 0x80 shows it: 32 hex digits, `6000c29...` for a virtual disk. */
  readonly uuid: string;
  readonly device: BlockDevice;
  readonly label: string;
  /** One file system on the one partition of the disk; absent: the disk is empty. */
  readonly mount?: { readonly mountPoint: string; readonly fileSystem: string };
}

export interface FileSystemParts {
  readonly guestName: string;
  readonly hold: WriteHold;
  readonly knobs: LinuxKnobs;
  readonly pace: Pace;
  readonly events: EventLog;
}

/** One mounted file system in the kernel: FIFREEZE and FITHAW with their rules, whoever calls them. */
export class GuestFileSystem {
  readonly mountPoint: string;
  /** `major:minor`. */
  readonly device: string;
  readonly #disk: BlockDevice;
  readonly #parts: FileSystemParts;
  #state: 'writable' | 'freezing' | 'frozen' = 'writable';

  constructor(mountPoint: string, device: string, disk: BlockDevice, parts: FileSystemParts) {
    this.mountPoint = mountPoint;
    this.device = device;
    this.#disk = disk;
    this.#parts = parts;
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen';
  }

  /** Answers when it stands still, or with an errno. Nothing can interrupt it. */
  async freeze(): Promise<number> {
    const { knobs, pace, hold } = this.#parts;
    if (this.#state !== 'writable') return ERRNO.busy;
    this.#state = 'freezing';
    await pace.wait(knobs.freezeMs);
    if (knobs.failingFreeze?.mountPoint === this.mountPoint) {
      this.#state = 'writable';
      return knobs.failingFreeze.errno;
    }
    this.#state = 'frozen';
    hold.hold([this.#disk]);
    this.#log('Freeze');
    return ERRNO.none;
  }

  /** Also while a freeze is under way it is not frozen yet, and that is what it answers. */
  thaw(): number {
    if (this.#state !== 'frozen') return ERRNO.invalid;
    this.#state = 'writable';
    this.#parts.hold.release([this.#disk]);
    this.#log('Thaw');
    return ERRNO.none;
  }

  #log(operation: string): void {
    const { events, guestName } = this.#parts;
    events.add('guest', 'effect', operation, guestName, { mountPoint: this.mountPoint });
  }
}
