import type { Pace } from '../world/pace.ts';
import { ERRNO, type GuestFileSystem } from './guest-file-system.ts';

/** Why a freeze is over. The first reason decides. */
export type Ending = 'released' | 'lease' | 'end-of-input' | 'aborted' | 'peer' | 'refused';

interface Frozen {
  readonly fileSystem: GuestFileSystem;
  wasFrozen: boolean;
  /** Frozen by this session and not thawed by it yet. */
  isOurs: boolean;
  errno: number;
}

/** What watchdog and freezer do for one session, whatever becomes of the connection and of the process that speaks. */
export class GuardedFreeze {
  readonly fileSystems: readonly Frozen[];
  readonly over: Promise<Ending>;
  readonly #leaseMs: number;
  readonly #pace: Pace;
  #lease: NodeJS.Timeout | undefined;
  #ending: Ending | undefined;
  #tellOver: (ending: Ending) => void = () => undefined;

  constructor(fileSystems: readonly GuestFileSystem[], leaseMs: number, pace: Pace) {
    this.fileSystems = fileSystems.map((fileSystem) => ({
      fileSystem,
      wasFrozen: false,
      isOurs: false,
      errno: ERRNO.none,
    }));
    this.#leaseMs = leaseMs;
    this.#pace = pace;
    this.over = new Promise((resolve) => {
      this.#tellOver = resolve;
    });
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Still frozen by us when it was thawed: nobody else had thawed it. */
  get held(): boolean {
    return this.fileSystems.every(({ wasFrozen, errno }) => wasFrozen && errno === ERRNO.none);
  }

  /** One file system after the other, until all stand still or it is over. The lease runs from here on. */
  async freeze(): Promise<void> {
    this.#lease = setTimeout(() => this.end('lease'), this.#pace.scaledMs(this.#leaseMs));
    for (const entry of this.fileSystems) {
      if (this.#ending !== undefined) break;
      const errno = await entry.fileSystem.freeze();
      if (errno === ERRNO.none) {
        entry.wasFrozen = true;
        entry.isOurs = true;
      } else {
        entry.errno = errno;
        this.end('refused');
      }
    }
    if (this.#ending !== undefined) this.#thaw();
  }

  /** False when it was over before. Everything of ours writes again when this returns, or as soon as FIFREEZE does. */
  end(ending: Ending): boolean {
    if (this.#ending !== undefined) return false;
    this.#ending = ending;
    clearTimeout(this.#lease);
    this.#thaw();
    this.#tellOver(ending);
    return true;
  }

  #thaw(): void {
    for (const entry of [...this.fileSystems].reverse()) {
      if (!entry.isOurs) continue;
      entry.isOurs = false;
      const errno = entry.fileSystem.thaw();
      if (errno !== ERRNO.none) entry.errno = errno;
    }
  }
}
