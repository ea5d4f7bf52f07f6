import { SnaphookError } from '../../src/ports/errors.ts';
import type { DeviceId } from '../../src/ports/identity.ts';
import { jumpClock } from './hook-process.ts';
import type { Hooks } from './hooks.ts';
import type { Random } from './random.ts';
import { RefusedByArray, type SimSnapshot } from './simulators/array-system.ts';
import { POOL, PRESENT_GROUP, type Site } from './site.ts';

/** What a hook asked for has happened by then or never happens. */
const LATEST_EFFECT_MS = 15_000;

/** Nothing of a stranger ends by itself while a schedule lasts. */
const LONG_MS = 9000 * 3_600_000;

/** Everybody and everything else: other users of the array, the admin, the machine, the guests' own life. */
export class Intruders {
  readonly #site: Site;
  readonly #hooks: Hooks;
  /** The state directory was lost, or put back from an older copy. */
  stateWasLost = false;
  #copy: ReturnType<Site['state']['copy']> | undefined;
  #fileCount = 0;
  /** Strangers give our own names on devices of theirs. When the journals are lost nobody could tell them from ours: a known limit. */
  readonly #copiesNames: boolean;

  constructor(site: Site, hooks: Hooks) {
    this.#site = site;
    this.#hooks = hooks;
    this.#copiesNames = site.random.chance(0.4);
  }

  /** Plans some of what they can do for a time span. */
  plan(withinMs: number): void {
    const { random, timeline } = this.#site;
    const acts: readonly (readonly [share: number, name: string, act: () => void])[] = [
      [0.5, 'a stranger takes a snapshot', () => this.#strangerSnapshot()],
      [0.3, 'a stranger links a snapshot', () => this.#strangerLink()],
      [0.3, 'a stranger removes a snapshot', () => this.#strangerRemoves()],
      [0.2, 'a stranger presents a device', () => this.#strangerPresents()],
      [0.2, 'a stranger leaves a file', () => this.#strangerFile()],
      [0.12, 'an admin unlinks a target of ours', () => this.#adminUnlinks(random)],
      [0.12, 'an admin terminates a snapshot of ours', () => this.#adminTerminates()],
      [0.15, 'an admin gives a device of the pool away', () => this.#giveAway()],
      [0.15, 'a device is deleted and its id given out again', () => this.#replaceDevice()],
      [0.08, 'somebody puts a file over an image', () => this.#overwrite()],
      [0.08, 'a guest restarts', () => random.pick(this.#site.guests).restart()],
      [0.15, 'the wall clock jumps', () => this.#clockJump()],
      [0.1, 'a process cannot refresh its locks', () => this.#loseLocks()],
      [0.15, 'a hook is interrupted', () => this.#interrupt()],
      [0.12, 'a process is killed', () => this.#kill()],
      [0.06, 'the machine is gone', () => this.#machineGone()],
      [0.08, 'somebody copies the state directory', () => this.#copyState()],
      [0.09, 'the state directory is put back or lost', () => this.#loseState()],
    ];
    for (const [share, name, act] of acts) {
      if (!random.chance(share)) continue;
      timeline.after(random.between(0, withinMs), () => {
        if (!this.#site.world.faults.isOn) return;
        this.#site.world.trace(name);
        try {
          act();
        } catch (error) {
          // The array refuses strangers too.
          if (!(error instanceof RefusedByArray)) throw error;
        }
      });
    }
  }

  /** An admin unlinks a target while it is read, if he is still around then. */
  unlinkAfter(delayMs: number, random: Random): void {
    this.#site.timeline.after(delayMs, () => {
      if (!this.#site.world.faults.isOn) return;
      this.#site.world.trace('an admin unlinks a target of ours while it is read');
      this.#adminUnlinks(random);
    });
  }

  /** What is not ours, as text to compare. */
  fingerprint(): string {
    const { array } = this.#site;
    const snapshots = array.snapshots.filter(({ owner }) => owner === 'stranger').map(describe);
    const members = [...array.groups].map(
      ([name, group]) => `${name}: ${[...group].filter(([, owner]) => owner === 'stranger').map(([id]) => id)}`,
    );
    return [...snapshots, ...members].join('\n');
  }

  #strangerSnapshot(): void {
    const { random, array } = this.#site;
    const names = ['nightly', 'snaphook-', 'snaphook-copy-of-nightly', `snaphook-mb3k2j1f-${random.text(6)}`];
    const own = this.#site.array.establishments.findLast(({ owner }) => owner === 'ours')?.name;
    // The name of a run of ours with something behind it, and even the same name on a device that is none of ours.
    const sameName = own !== undefined && this.#copiesNames && random.chance(0.5);
    const devices = sameName ? this.#site.strangerDevices.slice(0, 1) : [this.#anySource()];
    const name = sameName ? own : random.pick(own === undefined ? names : [...names, `${own}x`]);
    array.establish(name, devices, LONG_MS, 'stranger');
  }

  #strangerLink(): void {
    const { random, array } = this.#site;
    const snapshot = this.#strangers().at(-1);
    if (!snapshot) return;
    const pool = [...(array.group(POOL)?.keys() ?? [])];
    const target = random.pick([...pool, ...this.#site.strangerDevices]);
    array.link(snapshot, [{ source: snapshot.source, target }], 'stranger');
    array.takeOver(target, this.#isQuiet);
  }

  #strangerRemoves(): void {
    const { array, random } = this.#site;
    const snapshots = this.#strangers();
    if (snapshots.length === 0) return;
    const snapshot = random.pick(snapshots);
    const pairs = snapshot.links.map(({ target }) => ({ source: snapshot.source, target }));
    if (pairs.length > 0) array.unlink(snapshot, pairs, true, 'stranger');
    for (const { target } of pairs) array.giveBack(target, POOL);
    array.terminate(snapshot, [snapshot.source], 'stranger');
  }

  #strangerPresents(): void {
    this.#site.array.addMembers(PRESENT_GROUP, [this.#site.random.pick(this.#site.strangerDevices)], 'stranger');
  }

  #strangerFile(): void {
    const { files, jobs, random } = this.#site;
    this.#fileCount += 1;
    files.addForeign(`${random.pick(jobs).exportDirectory}/notes-${this.#fileCount}.txt`, 7, 0);
  }

  /** Between hooks: what a run of ours still has in its journal is another's by now. */
  #giveAway(): void {
    const { array, random } = this.#site;
    const id = this.#idleTarget();
    if (id === undefined) return;
    array.group(POOL)?.delete(id);
    array.takeOver(id, true);
    if (random.chance(0.5)) array.addMembers(PRESENT_GROUP, [id], 'stranger');
  }

  #replaceDevice(): void {
    const { array, random } = this.#site;
    const id = this.#idleTarget();
    if (id === undefined) return;
    array.replaceDevice(id, POOL);
    if (random.chance(0.5)) array.addMembers(PRESENT_GROUP, [id], 'stranger');
  }

  #overwrite(): void {
    const { files, random } = this.#site;
    const images = [...files.files].filter(([path, { owner }]) => owner === 'ours' && path.endsWith('.raw'));
    if (images.length === 0 || !this.#isQuiet) return;
    const [path, { sizeBytes }] = random.pick(images);
    files.addForeign(path, sizeBytes + 1, 0);
  }

  /** A device of the pool that no session uses, when no hook is at work and no request of one is under way. */
  #idleTarget(): DeviceId | undefined {
    const { array, random } = this.#site;
    const free = [...(array.group(POOL)?.keys() ?? [])].filter((id) => !array.isInUse(id));
    return this.#isQuiet && free.length > 0 ? random.pick(free) : undefined;
  }

  get #isQuiet(): boolean {
    const { timeline } = this.#site;
    return (
      this.#hooks.living.length === 0 &&
      this.#hooks.runs.every(({ process }) => timeline.nowMs - process.lastCallAtMs > LATEST_EFFECT_MS)
    );
  }

  #adminUnlinks(random: Random): void {
    const { array } = this.#site;
    const linked = array.snapshots.filter(({ owner, links }) => owner === 'ours' && links.length > 0);
    if (linked.length === 0) return;
    const snapshot = random.pick(linked);
    const pairs = snapshot.links.map(({ target }) => ({ source: snapshot.source, target }));
    array.unlink(snapshot, pairs, true, 'stranger');
  }

  #adminTerminates(): void {
    const { array, random } = this.#site;
    const free = array.snapshots.filter(({ owner, links }) => owner === 'ours' && links.length === 0);
    if (free.length === 0) return;
    const { name } = random.pick(free);
    const devices = free.filter((one) => one.name === name).map(({ source }) => source);
    array.terminate({ name, snapId: undefined }, random.chance(0.5) ? devices : devices.slice(0, 1), 'stranger');
  }

  #clockJump(): void {
    const { random, world } = this.#site;
    jumpClock(world, random.pick([-3_600_000, -30_000, -5000, 5000, 30_000, 3_600_000]));
  }

  #loseLocks(): void {
    const victim = this.#anyLiving();
    if (victim) this.#site.state.loseLocksOf(victim.process);
  }

  #interrupt(): void {
    const reason = new SnaphookError('E_INTERRUPTED', 'interrupted by SIGTERM', { effect: 'unknown' });
    this.#anyLiving()?.interruption.abort(reason);
  }

  #kill(): void {
    this.#anyLiving()?.process.kill();
  }

  #machineGone(): void {
    for (const { process } of this.#hooks.living) process.kill();
  }

  #copyState(): void {
    this.#copy = this.#site.state.copy();
  }

  /** Only a machine that was set up again comes with another state directory. */
  #loseState(): void {
    if (this.#copiesNames) return;
    this.#machineGone();
    this.stateWasLost = true;
    this.#site.state.restore(this.#copy ?? new Map());
  }

  #strangers(): readonly SimSnapshot[] {
    return this.#site.array.snapshots.filter(({ owner }) => owner === 'stranger');
  }

  #anyLiving() {
    const { living } = this.#hooks;
    return living.length === 0 ? undefined : this.#site.random.pick(living);
  }

  #anySource(): DeviceId {
    const { random, array } = this.#site;
    const taken = new Set<string>([...(array.group(POOL)?.keys() ?? []), ...this.#site.strangerDevices]);
    return random.pick([...array.devices.keys()].filter((id) => !taken.has(id)));
  }
}

const describe = ({ name, snapId, source, links }: SimSnapshot): string =>
  `${name} ${snapId} of ${source} -> ${links.map(({ target }) => target)}`;
