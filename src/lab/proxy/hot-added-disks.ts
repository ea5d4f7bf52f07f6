import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { HotAddedDisk, HotPlug } from '../vcenter/storage-side.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';

export interface HotAddedDisksOptions {
  /** Name of the proxy's VM; disks of other VMs are nobody's business here. */
  readonly vm: string;
  readonly events: EventLog;
  readonly pace: Pace;
  /** The bytes of a disk, the first `lengthBytes` of its volume. */
  read(objectId: string, lengthBytes: number): Buffer;
}

/** Simulated milliseconds until the guest system has noticed a new disk. */
const NOTICE_MS = 300;

/**
 * Disks that vSphere adds to the proxy's VM, as files in its device folder: `wwn-0x6000c29…`, the serial of the virtual disk. A
 * file has the content of the disk's volume; what the proxy writes to it stays in it, as in a redo log, and is gone with the disk.
 */
export class HotAddedDisks implements HotPlug {
  readonly #folder: string;
  readonly #options: HotAddedDisksOptions;
  readonly #coming = new Map<string, NodeJS.Timeout>();

  constructor(folder: string, options: HotAddedDisksOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  appeared(vm: string, { uuid, objectId, capacityBytes }: HotAddedDisk): void {
    if (vm !== this.#options.vm || objectId === undefined) return;
    const node = this.#nodeOf(uuid);
    const appear = () => {
      this.#coming.delete(node);
      // A device is never there with a part of its size.
      writeFileSync(`${node}.coming`, this.#options.read(objectId, capacityBytes));
      renameSync(`${node}.coming`, node);
      this.#options.events.add('proxy', 'effect', 'node-appears', objectId, { node });
    };
    this.#coming.set(node, setTimeout(appear, this.#options.pace.scaledMs(NOTICE_MS)).unref());
  }

  vanished(vm: string, { uuid, objectId }: HotAddedDisk): void {
    if (vm !== this.#options.vm) return;
    const node = this.#nodeOf(uuid);
    clearTimeout(this.#coming.get(node));
    this.#coming.delete(node);
    rmSync(node, { force: true });
    this.#options.events.add('proxy', 'effect', 'node-vanishes', objectId ?? uuid, { node });
  }

  /** The proxy goes down. */
  close(): void {
    for (const timer of this.#coming.values()) clearTimeout(timer);
    this.#coming.clear();
  }

  #nodeOf(uuid: string): string {
    return path.join(this.#folder, `wwn-0x${uuid.replaceAll('-', '').toLowerCase()}`);
  }
}
