import { type DeviceId, deviceId, type Wwn, wwn } from '../../../src/ports/identity.ts';
import type { Timeline } from '../timeline.ts';

/** Who made an object: a run of the product, or somebody else. */
export type Owner = 'ours' | 'stranger';
/** `contested`: a stranger took over what we had put there, and a hook of ours may not have seen it yet. */
type MemberOwner = Owner | 'contested';

export interface SimDevice {
  readonly id: DeviceId;
  /** Another one when the id was given out again. */
  wwn: Wwn;
  readonly cylinders: number;
  /** What it holds; a device nobody writes texts to shows when it was read. */
  text: string | undefined;
  /** Of one that was made on demand: who it was made for, and since when lists show it. */
  readonly made?: { readonly identifier: string; readonly shownAtMs: number };
}

export interface SimLink {
  readonly target: DeviceId;
  readonly owner: Owner;
  readonly definedAtMs: number;
}

export interface SimSnapshot {
  readonly name: string;
  readonly snapId: number;
  readonly source: DeviceId;
  readonly atMs: number;
  /** By the array's own clock, in milliseconds since 1970. */
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly text: string;
  readonly owner: Owner;
  links: readonly SimLink[];
}

/** What was done to the array, for whoever judges a run afterwards. */
export interface Establishment {
  readonly name: string;
  readonly snapId: number;
  readonly devices: readonly DeviceId[];
  readonly atMs: number;
  readonly owner: Owner;
}

export interface ArrayOptions {
  readonly generation: 'V3' | 'V4';
  /** Background definition of a linked target on V3. */
  readonly defineMs: number;
  /** How long lists go on to show what was before a change. */
  readonly lagMs: number;
  readonly maxSnapshotsPerSource: number;
  /** The array's own clock, in milliseconds since 1970. */
  readonly clock: () => number;
}

export type ArrayRefusal =
  | 'no-device'
  | 'bad-name'
  | 'limit'
  | 'no-snapshot'
  | 'in-use'
  | 'linked'
  | 'not-defined'
  | 'no-group';

export class RefusedByArray extends Error {
  readonly reason: ArrayRefusal;
  constructor(reason: ArrayRefusal, message: string) {
    super(message);
    this.reason = reason;
  }
}

interface Selection {
  readonly name: string;
  /** Undefined selects the newest of that name. */
  readonly snapId: number | undefined;
}

interface Pair {
  readonly source: DeviceId;
  readonly target: DeviceId;
}

/** Devices, snapshots, links and storage groups of one array. Every method is one moment. */
export class ArraySystem {
  readonly options: ArrayOptions;
  readonly devices = new Map<DeviceId, SimDevice>();
  readonly establishments: Establishment[] = [];
  /** Changes the product made to objects of others. */
  readonly trespasses: string[] = [];
  /** Group name to members and who added each. */
  readonly groups = new Map<string, Map<DeviceId, MemberOwner>>();
  /** Groups by the host that sees them. */
  readonly views: { readonly id: string; readonly host: string; readonly group: string }[] = [];
  readonly #timeline: Timeline;
  #snapshots: SimSnapshot[] = [];
  /** Unlinks done by a person, newest last. */
  readonly unlinkedByHand: { readonly target: DeviceId; readonly atMs: number }[] = [];
  #lastSnapId = 84_000_000;
  #replacedCount = 0;
  #madeCount = 0;
  readonly #takenOver = new Set<DeviceId>();
  readonly #past: { readonly untilMs: number; readonly snapshots: readonly SimSnapshot[] }[] = [];

  constructor(timeline: Timeline, options: ArrayOptions) {
    this.#timeline = timeline;
    this.options = options;
  }

  get snapshots(): readonly SimSnapshot[] {
    this.#expire();
    return this.#snapshots;
  }

  /** What the lists show: the state of `lagMs` ago. */
  get listed(): readonly SimSnapshot[] {
    const sinceMs = this.#timeline.nowMs - this.options.lagMs;
    return this.#past.find(({ untilMs }) => untilMs > sinceMs)?.snapshots ?? this.snapshots;
  }

  addDevice(number: number, cylinders: number): SimDevice {
    const id = deviceId(number.toString(16).padStart(5, '0'));
    const identity = wwn(`6000097000019790004653${Buffer.from(id, 'ascii').toString('hex')}`);
    const device: SimDevice = { id, wwn: identity, cylinders, text: undefined };
    this.devices.set(id, device);
    return device;
  }

  /** The device was deleted and its id given out again: another identity, in no presented group, still in its pool. */
  replaceDevice(id: DeviceId, except: string): void {
    const device = this.#device(id);
    this.#replacedCount += 1;
    device.wwn = wwn(`6000097000019790004654${this.#replacedCount.toString(16).padStart(10, '0')}`);
    device.text = undefined;
    for (const [name, members] of this.groups) if (name !== except) members.delete(id);
  }

  /** A stranger has use for a device: what we had added of it to groups is not ours any more. */
  takeOver(id: DeviceId, isSeen: boolean): void {
    this.#takenOver.add(id);
    for (const members of this.groups.values())
      if (members.get(id) === 'ours') members.set(id, isSeen ? 'stranger' : 'contested');
  }

  /** The stranger needs it no more; whose its places in groups are is anybody's guess. */
  giveBack(id: DeviceId, pool: string): void {
    this.#takenOver.delete(id);
    for (const [name, members] of this.groups)
      if (name !== pool && members.get(id) === 'stranger') members.set(id, 'contested');
  }

  /** True while the device is source or target of any session. */
  isInUse(id: DeviceId): boolean {
    return this.snapshots.some(({ source, links }) => source === id || links.some(({ target }) => target === id));
  }

  /** Makes devices in a group; lists show them when they have caught up. */
  createDevices(group: string, identifier: string, wanted: readonly { cylinders: number; count: number }[]): void {
    const members = this.group(group);
    if (!members) throw new RefusedByArray('no-group', `there is no storage group ${group}`);
    const made = { identifier, shownAtMs: this.#timeline.nowMs + this.options.lagMs };
    for (const cylinders of wanted.flatMap(({ cylinders: size, count }) => Array<number>(count).fill(size))) {
      this.#madeCount += 1;
      const device = { ...this.addDevice(0xa000 + this.#madeCount, cylinders), made };
      this.devices.set(device.id, device);
      // The pool's, and no leftover.
      members.set(device.id, 'contested');
    }
  }

  addGroup(name: string, members: readonly DeviceId[], owner: Owner): void {
    this.groups.set(name, new Map(members.map((member) => [member, owner])));
  }

  group(name: string): Map<DeviceId, MemberOwner> | undefined {
    for (const [known, members] of this.groups) if (known.toLowerCase() === name.toLowerCase()) return members;
    return undefined;
  }

  textOf(id: DeviceId): string {
    const device = this.#device(id);
    return device.text ?? `${id} at ${this.#timeline.nowMs}`;
  }

  establish(name: string, devices: readonly DeviceId[], lifeMs: number, owner: Owner): number {
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(name)) throw new RefusedByArray('bad-name', `"${name}" is no snapshot name`);
    for (const id of devices) {
      this.#device(id);
      const count = this.snapshots.filter(({ source }) => source === id).length;
      if (count >= this.options.maxSnapshotsPerSource)
        throw new RefusedByArray('limit', `device ${id} has ${count} snapshots`);
    }
    this.#remember();
    const atMs = this.#timeline.nowMs;
    this.#lastSnapId += 256;
    const snapId = this.#lastSnapId;
    const createdAtMs = Math.floor(this.options.clock() / 1000) * 1000;
    const taken = devices.map((source): SimSnapshot => {
      const text = this.textOf(source);
      return { name, snapId, source, atMs, createdAtMs, expiresAtMs: atMs + lifeMs, text, owner, links: [] };
    });
    this.#snapshots = [...this.#snapshots, ...taken];
    this.establishments.push({ name, snapId, devices, atMs, owner });
    return snapId;
  }

  link(selection: Selection, pairs: readonly Pair[], owner: Owner): void {
    const chosen = pairs.map((pair) => ({ ...pair, snapshot: this.#select(selection, pair.source) }));
    const fresh = chosen.filter(({ snapshot, target }) => !snapshot.links.some((link) => link.target === target));
    for (const { target } of fresh) {
      this.#device(target);
      const isUsed = this.snapshots.some(
        ({ source, links }) => source === target || links.some((link) => link.target === target),
      );
      if (isUsed) throw new RefusedByArray('in-use', `target ${target} is part of another session`);
    }
    this.#remember();
    const { generation, defineMs } = this.options;
    const definedAtMs = generation === 'V4' ? Number.POSITIVE_INFINITY : this.#timeline.nowMs + defineMs;
    for (const { snapshot, target } of fresh) {
      if (owner === 'ours' && snapshot.owner !== 'ours') this.trespasses.push(`linked ${snapshot.name}`);
      snapshot.links = [...snapshot.links, { target, owner, definedAtMs }];
      this.#device(target).text = snapshot.text;
    }
  }

  /** Pairs that are not linked are refused, as on the array. */
  unlink(selection: Selection, pairs: readonly Pair[], force: boolean, by: Owner): void {
    const chosen = pairs.map((pair) => {
      const snapshot = this.#select(selection, pair.source);
      const link = snapshot.links.find(({ target }) => target === pair.target);
      if (!link) throw new RefusedByArray('no-snapshot', `no link target was found for ${pair.source}`);
      return { snapshot, link };
    });
    const nowMs = this.#timeline.nowMs;
    const isUndefined = ({ definedAtMs }: SimLink) => this.options.generation === 'V3' && definedAtMs > nowMs;
    if (!force && chosen.some(({ link }) => isUndefined(link)))
      throw new RefusedByArray('not-defined', 'a target is not defined yet');
    this.#remember();
    for (const { snapshot, link } of chosen) {
      if (by === 'ours' && (link.owner !== 'ours' || snapshot.owner !== 'ours'))
        this.trespasses.push(`unlinked ${link.target} of ${snapshot.name}`);
      snapshot.links = snapshot.links.filter((one) => one !== link);
      if (by === 'stranger') this.unlinkedByHand.push({ target: link.target, atMs: nowMs });
      this.#device(link.target).text = `UNDEFINED since ${nowMs}`;
    }
  }

  terminate(selection: Selection, devices: readonly DeviceId[], by: Owner): void {
    const chosen = devices.map((device) => this.#select(selection, device));
    const linked = chosen.find(({ links }) => links.length > 0);
    if (linked) {
      const targets = linked.links.map(({ target }) => target).join(', ');
      throw new RefusedByArray('linked', `snapshot ${linked.name} of ${linked.source} is linked to target ${targets}`);
    }
    for (const { owner, name, source } of chosen)
      if (by === 'ours' && owner !== 'ours') this.trespasses.push(`terminated ${name} of ${source}`);
    this.#remember();
    this.#snapshots = this.#snapshots.filter((snapshot) => !chosen.includes(snapshot));
  }

  addMembers(group: string, devices: readonly DeviceId[], owner: Owner): void {
    const members = this.group(group);
    if (!members) throw new RefusedByArray('no-group', `there is no storage group ${group}`);
    for (const id of devices) this.#device(id);
    const ownerOf = (id: DeviceId) => (owner === 'ours' && this.#takenOver.has(id) ? 'contested' : owner);
    for (const id of devices) if (!members.has(id)) members.set(id, ownerOf(id));
  }

  removeMembers(group: string, devices: readonly DeviceId[], by: Owner): void {
    const members = this.group(group);
    if (!members) throw new RefusedByArray('no-group', `there is no storage group ${group}`);
    for (const id of devices) {
      if (by === 'ours' && members.get(id) === 'stranger') this.trespasses.push(`removed ${id} from ${group}`);
      members.delete(id);
    }
  }

  /** Devices the host sees. */
  seenBy(host: string): ReadonlySet<DeviceId> {
    const groups = this.views.filter((view) => view.host === host).map(({ group }) => this.group(group));
    return new Set(groups.flatMap((members) => [...(members?.keys() ?? [])]));
  }

  #select({ name, snapId }: Selection, source: DeviceId): SimSnapshot {
    const ofName = this.snapshots.filter((snapshot) => snapshot.source === source && snapshot.name === name);
    const chosen = snapId === undefined ? ofName.at(-1) : ofName.find((snapshot) => snapshot.snapId === snapId);
    if (!chosen) throw new RefusedByArray('no-snapshot', `device ${source} has no snapshot ${name}`);
    return chosen;
  }

  #device(id: DeviceId): SimDevice {
    const device = this.devices.get(id);
    if (!device) throw new RefusedByArray('no-device', `there is no device ${id}`);
    return device;
  }

  /** Expiry waits while a target is linked. */
  #expire(): void {
    const nowMs = this.#timeline.nowMs;
    const isOver = ({ expiresAtMs, links }: SimSnapshot) => expiresAtMs <= nowMs && links.length === 0;
    if (this.#snapshots.some(isOver)) this.#snapshots = this.#snapshots.filter((snapshot) => !isOver(snapshot));
  }

  /** Keeps what the lists go on to show; links are kept as they were. */
  #remember(): void {
    if (this.options.lagMs <= 0) return;
    const untilMs = this.#timeline.nowMs;
    const sinceMs = untilMs - this.options.lagMs;
    while (this.#past[0] && this.#past[0].untilMs <= sinceMs) this.#past.shift();
    this.#past.push({ untilMs, snapshots: this.#snapshots.map((snapshot) => ({ ...snapshot })) });
  }
}
