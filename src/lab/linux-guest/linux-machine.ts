import { randomBytes, randomUUID } from 'node:crypto';
import type { FreezeHelperEvent } from '../../guest/linux/freeze-helper-protocol.ts';
import type { GuestClock } from '../guest/guest-clock.ts';
import type { WriteHold } from '../guest/write-hold.ts';
import type { Pace } from '../world/pace.ts';
import type { GuardedFreeze } from './guarded-freeze.ts';
import { type FileSystemParts, GuestFileSystem, type LinuxDisk } from './guest-file-system.ts';
import type { LinuxKnobs } from './linux-knobs.ts';

type Facts = Extract<FreezeHelperEvent, { readonly event: 'facts' }>;

/** A session of the helper as the machine knows it: from its first word to its end. */
export interface HelperSession {
  readonly token: string;
  /** There once something may be frozen: then the session has its record in /run/snaphook. */
  guarded: GuardedFreeze | undefined;
  isOver: boolean;
  /** Ends the process at once, as a machine that goes down does. */
  kill(): void;
}

/** The guest's kernel and what lives until it is started again: mounts, sessions, boot id. */
export class LinuxMachine {
  readonly knobs: LinuxKnobs;
  readonly pace: Pace;
  readonly clock: GuestClock;
  readonly os = 'Linux 6.1.0-18-amd64';
  readonly fileSystems: readonly GuestFileSystem[];
  readonly #disks: readonly LinuxDisk[];
  readonly #hold: WriteHold;
  #bootId = randomUUID();
  #sessions = new Map<string, HelperSession>();

  constructor(disks: readonly LinuxDisk[], parts: FileSystemParts & { readonly clock: GuestClock }) {
    this.knobs = parts.knobs;
    this.pace = parts.pace;
    this.clock = parts.clock;
    this.#disks = disks;
    this.#hold = parts.hold;
    this.fileSystems = disks.flatMap(({ mount, device }, index) =>
      mount ? [new GuestFileSystem(mount.mountPoint, partitionNumber(index), device, parts)] : [],
    );
  }

  get bootId(): string {
    return this.#bootId;
  }

  get isFrozen(): boolean {
    return this.fileSystems.some(({ isFrozen }) => isFrozen);
  }

  get sessionCount(): number {
    return [...this.#sessions.values()].filter(({ isOver }) => !isOver).length;
  }

  /** Resolves when a write to that path would not wait. */
  async whenWritable(path: string): Promise<void> {
    const holder = this.#disks
      .filter(({ mount }) => mount && `${path}/`.startsWith(mount.mountPoint === '/' ? '/' : `${mount.mountPoint}/`))
      .sort((one, other) => (other.mount?.mountPoint.length ?? 0) - (one.mount?.mountPoint.length ?? 0))[0];
    if (holder) await this.#hold.whenWritable([holder.device]);
  }

  openSession(kill: () => void): HelperSession {
    const token = randomBytes(16).toString('hex');
    const session: HelperSession = { token, guarded: undefined, isOver: false, kill };
    this.#sessions.set(token, session);
    return session;
  }

  /** `snaphook-freeze release`: true when there was such a session; nothing of it stands still afterwards. */
  release(bootId: string, token: string): boolean {
    const session = bootId === this.#bootId ? this.#sessions.get(token) : undefined;
    if (!session?.guarded || session.isOver) return false;
    session.guarded.end('aborted');
    session.isOver = true;
    return true;
  }

  /** The machine starts again: every process is gone, nothing is frozen. */
  reboot(): void {
    for (const session of this.#sessions.values()) session.kill();
    this.#sessions = new Map();
    for (const fileSystem of this.fileSystems) fileSystem.thaw();
    this.#bootId = randomUUID();
  }

  /** /proc/self/mountinfo and /sys/class/block, with what a plain server has mounted besides its disks. */
  facts(): Facts {
    const pseudo = { root: '/', device: '0:22', fileSystem: 'proc', source: 'proc', mountPoint: '/proc' };
    const others = [
      pseudo,
      { ...pseudo, device: '0:5', fileSystem: 'devtmpfs', source: 'udev', mountPoint: '/dev' },
      { ...pseudo, device: '0:24', fileSystem: 'tmpfs', source: 'tmpfs', mountPoint: '/run' },
      { ...pseudo, device: '0:25', fileSystem: 'tmpfs', source: 'tmpfs', mountPoint: '/dev/shm' },
    ];
    const mounts = this.#disks.flatMap(({ mount }, index) =>
      mount ? [{ root: '/', device: partitionNumber(index), source: `/dev/${diskName(index)}1`, ...mount }] : [],
    );
    return {
      event: 'facts',
      mounts: [...others, ...mounts].map((mount, index) => ({ id: 20 + index, ...mount })),
      blocks: this.#disks.flatMap(({ uuid, device: { sizeBytes } }, index) => {
        const plain = { slaves: [], backingFile: '', sizeBytes };
        const name = diskName(index);
        return [
          { ...plain, name, device: `8:${16 * index}`, parent: '', serial: uuid, wwid: `naa.${uuid}` },
          { ...plain, name: `${name}1`, device: partitionNumber(index), parent: name, serial: '', wwid: '' },
        ];
      }),
      btrfs: [],
      swaps: [],
    };
  }
}

const diskName = (index: number): string => `sd${String.fromCharCode(97 + index)}`;
const partitionNumber = (index: number): string => `8:${16 * index + 1}`;
