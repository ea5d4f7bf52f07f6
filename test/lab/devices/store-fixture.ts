import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DeviceStore } from '../../../src/lab/devices/device-store.ts';
import { type DeviceStoreOptions, TRACK_BYTES } from '../../../src/lab/devices/store-contract.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { Pace } from '../../../src/lab/world/pace.ts';

export interface StoreFixture {
  readonly folder: string;
  readonly events: EventLog;
  store: DeviceStore;
  /** Moves the array's clock. */
  advance(realMs: number): void;
  reopen(): void;
}

const fixtures: StoreFixture[] = [];

/** Source `00001` and equally large targets `00002`, `00003` of one cylinder, on a clock that stands still. */
export function openFixture(options: Partial<DeviceStoreOptions> = {}): StoreFixture {
  const folder = mkdtempSync(path.join(tmpdir(), 'store-'));
  const events = new EventLog();
  let timeMs = Date.UTC(2025, 5, 1);
  const open = () =>
    DeviceStore.open(folder, {
      pace: new Pace(1),
      events,
      generation: 'V3',
      clock: () => new Date(timeMs),
      ...options,
    });
  const fixture: StoreFixture = {
    folder,
    events,
    store: open(),
    advance(realMs) {
      timeMs += realMs;
    },
    reopen() {
      fixture.store.close();
      fixture.store = open();
    },
  };
  for (const id of ['00001', '00002', '00003']) fixture.store.createDevice({ id, cylinders: 1 });
  fixtures.push(fixture);
  return fixture;
}

export function removeFixtures(): void {
  for (const { store, folder } of fixtures.splice(0)) {
    store.close();
    rmSync(folder, { recursive: true });
  }
}

export function fillTrack(store: DeviceStore, id: string, track: number, fill: number): void {
  store.open(id).write(track * TRACK_BYTES, Buffer.alloc(TRACK_BYTES, fill));
}

/** First byte of a track. */
export const byteOf = (store: DeviceStore, id: string, track: number): number | undefined =>
  store.open(id).read(track * TRACK_BYTES, 1)[0];

export const snapOf = (snapId: number, name = 'snap') => ({ name, select: { snapId } });
