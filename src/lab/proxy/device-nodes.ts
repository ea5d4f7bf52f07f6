import { linkSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { nguidOfWwn } from '../unisphere/device-identity.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';

/** Told by the array's masking what the proxy host may see. */
export interface PresentationListener {
  /** `wwn`: 32 hex digits, without prefix. `transport`: what the host takes it for; default SCSI. */
  present(deviceId: string, wwn: string, transport?: 'SCSI' | 'NVMe'): void;
  withdraw(deviceId: string): void;
}

/** What the nodes need of the device store. */
export interface HostDevices {
  setHostVisible(device: string, visible: boolean): void;
  rawFileOf(device: string): string;
}

export interface DeviceNodesOptions {
  readonly store: HostDevices;
  readonly pace: Pace;
  readonly events: EventLog;
  /** Simulated milliseconds until the host has scanned a newly presented device; default 1000. */
  readonly rescanMs?: number;
}

interface Presented {
  readonly rawFile: string;
  readonly nodePath: string;
  rescan: NodeJS.Timeout | undefined;
}

/**
 * The backup proxy's device folder, the lab's `/dev/disk/by-id`: one regular file for each device that is presented to the proxy,
 * `wwn-0x<32 hex>`, or `nvme-eui.<NGUID>` for one that is presented as an NVMe namespace. Without privileges there is no way to
 * make a block device, so a node is a hard link to the device's own raw file in the store: exactly of the device's size, readable
 * and writable, the same bytes in both directions. Unlike a real device, a node that someone holds open stays readable after it
 * was withdrawn.
 */
export class DeviceNodes implements PresentationListener {
  readonly #folder: string;
  readonly #options: DeviceNodesOptions;
  readonly #presented = new Map<string, Presented>();

  /** A node of an earlier lab process is removed: whoever presents the device does so again. */
  constructor(folder: string, options: DeviceNodesOptions) {
    this.#folder = folder;
    this.#options = options;
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) {
      if (name.startsWith('wwn-0x') || name.startsWith('nvme-eui.')) rmSync(path.join(folder, name));
    }
  }

  present(deviceId: string, wwn: string, transport: 'SCSI' | 'NVMe' = 'SCSI'): void {
    if (this.#presented.has(deviceId)) return;
    if (!/^[0-9a-f]{32}$/i.test(wwn)) throw new Error(`WWN "${wwn}" is not 32 hex digits`);
    const { store, pace, rescanMs = 1000 } = this.#options;
    store.setHostVisible(deviceId, true);
    const name = transport === 'NVMe' ? `nvme-eui.${nguidOfWwn(wwn)}` : `wwn-0x${wwn}`;
    const nodePath = path.join(this.#folder, name.toLowerCase());
    const presented: Presented = { rawFile: store.rawFileOf(deviceId), nodePath, rescan: undefined };
    this.#presented.set(deviceId, presented);
    presented.rescan = setTimeout(() => this.#appear(deviceId, presented), pace.scaledMs(rescanMs)).unref();
  }

  withdraw(deviceId: string): void {
    const presented = this.#presented.get(deviceId);
    if (!presented) return;
    this.#presented.delete(deviceId);
    this.#vanish(deviceId, presented);
    this.#options.store.setHostVisible(deviceId, false);
  }

  /** The host goes down: all nodes vanish, what is presented to it does not change. */
  close(): void {
    for (const [deviceId, presented] of this.#presented) this.#vanish(deviceId, presented);
    this.#presented.clear();
  }

  #appear(deviceId: string, presented: Presented): void {
    presented.rescan = undefined;
    makeNode(presented.rawFile, presented.nodePath);
    this.#options.events.add('proxy', 'effect', 'node-appears', deviceId, { node: presented.nodePath });
  }

  #vanish(deviceId: string, { nodePath, rescan }: Presented): void {
    if (rescan) {
      clearTimeout(rescan);
      return;
    }
    rmSync(nodePath, { force: true });
    this.#options.events.add('proxy', 'effect', 'node-vanishes', deviceId, { node: nodePath });
  }
}

function makeNode(rawFile: string, nodePath: string): void {
  try {
    linkSync(rawFile, nodePath);
  } catch (error) {
    // The node folder may lie on another file system than the store.
    if (!(typeof error === 'object' && error && 'code' in error && error.code === 'EXDEV')) throw error;
    symlinkSync(path.resolve(rawFile), nodePath);
  }
}
