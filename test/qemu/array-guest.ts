import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DeviceStore } from '../../src/lab/devices/device-store.ts';
import { NbdServer } from '../../src/lab/devices/nbd-server.ts';
import { EventLog } from '../../src/lab/world/events.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { type QemuDisk, type QemuGuest, startQemuGuest } from './qemu-guest.ts';
import { guestParts } from './stage.ts';

export interface ArrayDisk extends QemuDisk {
  /** Size of the device. */
  readonly cylinders: number;
}

/** A real guest whose disks are devices of the lab's array. */
export interface ArrayGuest {
  /** Removed with it. */
  readonly folder: string;
  readonly pace: Pace;
  readonly events: EventLog;
  readonly store: DeviceStore;
  readonly nbd: NbdServer;
  readonly guest: QemuGuest;
  readonly mountPoints: readonly string[];
  /** What a command prints in the guest; it must succeed. */
  output(command: string, input?: Buffer): Promise<string>;
  close(): Promise<void>;
}

/** `devices`: what the array has beside the guest's disks. */
export async function startArrayGuest(
  disks: readonly ArrayDisk[],
  devices: readonly { readonly id: string; readonly cylinders: number }[] = [],
): Promise<ArrayGuest> {
  const folder = mkdtempSync(path.join(tmpdir(), 'qemu-array-'));
  const events = new EventLog();
  const pace = new Pace(0.05);
  const store = DeviceStore.open(path.join(folder, 'array'), { pace, events, generation: 'V4' });
  let nbd: NbdServer | undefined;
  let guest: QemuGuest | undefined;
  const close = async () => {
    await guest?.close();
    await nbd?.close();
    store.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const { labDevice, cylinders } of disks) store.createDevice({ id: labDevice, cylinders });
    for (const device of devices) store.createDevice(device);
    nbd = await NbdServer.start({ store, events, listen: { socketPath: path.join(folder, 'nbd.sock') } });
    const started = await startQemuGuest({ parts: guestParts(), nbd, disks });
    guest = started;
    return {
      folder,
      pace,
      events,
      store,
      nbd,
      guest: started,
      mountPoints: disks.map(({ mountPoint }) => mountPoint),
      async output(command, input) {
        const { exitCode, stdout, stderr } = await started.run(command, input);
        if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
        return stdout.trim();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Polls until there is something to see. */
export async function until<Seen>(
  look: () => Promise<Seen | undefined> | Seen | undefined,
  what: string,
  limitMs = 60_000,
): Promise<Seen> {
  for (const deadline = performance.now() + limitMs; performance.now() < deadline; await pause()) {
    const seen = await look();
    if (seen !== undefined) return seen;
  }
  throw new Error(`it never came about that ${what}`);
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
