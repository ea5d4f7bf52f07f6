import { StoreError, TRACK_BYTES } from '../../../src/lab/devices/store-contract.ts';

const emptyTrack = Buffer.alloc(TRACK_BYTES);

/** The naive truth: every snapshot and every link is a full copy. */
export interface ModelSnapshot {
  readonly source: string;
  readonly name: string;
  readonly snapId: number;
  readonly content: Buffer;
  restored: boolean;
  readonly written: Set<number>;
  /** The source's content was replaced as a whole since: `written` is only a lower bound. */
  replaced: boolean;
}

export interface ModelDevice {
  content: Buffer;
  readonly snapshots: ModelSnapshot[];
  link: { snapshot: ModelSnapshot; copied: boolean; copy: boolean } | undefined;
  hostVisible: boolean;
}

export class StoreModel {
  readonly devices: Map<string, ModelDevice>;

  constructor(sizes: Readonly<Record<string, number>>) {
    this.devices = new Map(
      Object.entries(sizes).map(([id, sizeBytes]) => [
        id,
        { content: Buffer.alloc(sizeBytes), snapshots: [], link: undefined, hostVisible: false },
      ]),
    );
  }

  clone(): StoreModel {
    return cloneModel(this);
  }

  device(id: string): ModelDevice {
    const device = this.devices.get(id);
    if (!device) throw new Error(`the model has no device ${id}`);
    return device;
  }

  allSnapshots(): ModelSnapshot[] {
    return [...this.devices.values()].flatMap(({ snapshots }) => snapshots);
  }

  isLinked(snapshot: ModelSnapshot): boolean {
    return [...this.devices.values()].some(({ link }) => link?.snapshot === snapshot);
  }

  write(id: string, offsetBytes: number, data: Buffer): void {
    const device = this.device(id);
    data.copy(device.content, offsetBytes);
    const last = Math.floor((offsetBytes + data.length - 1) / TRACK_BYTES);
    for (let track = Math.floor(offsetBytes / TRACK_BYTES); track <= last; track++) markWritten(device, track);
  }

  establish(ids: readonly string[], name: string, snapId: number): void {
    for (const id of ids) {
      const { content, snapshots } = this.device(id);
      snapshots.push({
        source: id,
        name,
        snapId,
        content: Buffer.from(content),
        restored: false,
        written: new Set(),
        replaced: false,
      });
    }
  }

  /** For link and relink. */
  link(snapshot: ModelSnapshot, targetId: string, copy: boolean): void {
    const target = this.device(targetId);
    const content = Buffer.alloc(target.content.length);
    snapshot.content.copy(content);
    target.content = content;
    target.link = { snapshot, copied: false, copy };
    for (const own of target.snapshots) own.replaced = true;
  }

  /** What is left is undefined unless copied; the caller says what it found. */
  unlink(targetId: string, found: Buffer): void {
    const target = this.device(targetId);
    if (!target.link?.copied) {
      for (let at = 0; at < target.content.length; at += TRACK_BYTES) {
        const shown = target.content.subarray(at, at + TRACK_BYTES);
        const defined = !shown.equals(emptyTrack) && !shown.subarray(0, 9).equals(Buffer.from('UNDEFINED'));
        if (defined) expect(found.subarray(at, at + TRACK_BYTES).equals(shown)).toBe(false);
      }
      target.content = Buffer.from(found);
      for (const own of target.snapshots) own.replaced = true;
    }
    target.link = undefined;
  }

  restore(snapshot: ModelSnapshot): void {
    const source = this.device(snapshot.source);
    for (let track = 0; track * TRACK_BYTES < snapshot.content.length; track++) {
      const range = [track * TRACK_BYTES, (track + 1) * TRACK_BYTES] as const;
      if (snapshot.content.subarray(...range).equals(source.content.subarray(...range))) continue;
      snapshot.content.copy(source.content, range[0], ...range);
      markWritten(source, track);
    }
    snapshot.restored = true;
  }

  terminate(snapshot: ModelSnapshot): void {
    if (snapshot.restored) {
      snapshot.restored = false;
      return;
    }
    const { snapshots } = this.device(snapshot.source);
    snapshots.splice(snapshots.indexOf(snapshot), 1);
  }

  expand(id: string, sizeBytes: number): void {
    const device = this.device(id);
    device.content = Buffer.concat([device.content], sizeBytes);
  }
}

/** The refusal's reason, or undefined when it was done. */
export function attempt(operation: () => void): string | undefined {
  try {
    operation();
    return undefined;
  } catch (error) {
    if (error instanceof StoreError) return error.reason;
    throw error;
  }
}

function markWritten(device: ModelDevice, track: number): void {
  for (const snapshot of device.snapshots) snapshot.written.add(track);
}

function cloneModel(model: StoreModel): StoreModel {
  const copy = new StoreModel({});
  const snapshots = new Map<ModelSnapshot, ModelSnapshot>();
  for (const [id, device] of model.devices) {
    const cloned = device.snapshots.map((snapshot) => {
      const twin = { ...snapshot, written: new Set(snapshot.written) };
      snapshots.set(snapshot, twin);
      return twin;
    });
    copy.devices.set(id, { ...device, content: Buffer.from(device.content), snapshots: cloned });
  }
  for (const device of copy.devices.values()) {
    const twin = device.link && snapshots.get(device.link.snapshot);
    if (device.link && twin) device.link = { ...device.link, snapshot: twin };
  }
  return copy;
}
