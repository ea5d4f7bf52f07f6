import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import { nextLookMs } from '../ports/polling.ts';
import type { DevicePair, SnapshotOfDevice } from '../ports/storage-array.ts';
import { backoffMs } from './backoff.ts';
import type { Unisphere } from './client.ts';
import { mayBeAboutVvols, type Refusal, refusalError, VVOL_HINT, withoutEffect } from './messages.ts';
import type { OwnEffects } from './own-effects.ts';
import { changeAll, type RepeatableChange } from './repeated-change.ts';
import { type NewSnapshot, type SnapshotRef, type SnapVxWire, sourcesOf, targetsOf } from './snapvx-wire.ts';

interface SnapVxParts {
  readonly unisphere: Unisphere;
  readonly wire: SnapVxWire;
  readonly effects: OwnEffects;
  /** Links are defined in the background (and must be before unlink) on V3 only. */
  readonly generation: (signal: AbortSignal) => Promise<'V3' | 'V4'>;
  /** Pause after the first busy or lost answer to an unlink or terminate. */
  readonly busyPauseMs: number;
  /** How long a server's view may be behind the array. */
  readonly modelLagMs: number;
}

/** A pair and, once it was looked at, whether its target was defined. */
type SeenPair = DevicePair & { readonly defined?: boolean };

/** A lock on the array may be held for minutes; the caller's signal ends the wait earlier. */
const BUSY_PAUSES = 10;

const SAYS_DONE: readonly Refusal['kind'][] = ['already-in-desired-state', 'no-link-target', 'not-found'];

/** What is done with a snapshot, whichever interface takes it; each request acts on all devices. */
export function createSnapVx({ unisphere, wire, effects, generation, busyPauseMs, modelLagMs }: SnapVxParts) {
  const { clock } = unisphere;
  const repeat = { clock, firstPauseMs: busyPauseMs };

  const snapshotsOf = async (ref: SnapshotRef, sources: readonly DeviceId[], signal: AbortSignal) => {
    const found = await wire.find({ name: ref.name, devices: sources }, signal);
    return found.filter(({ snapId }) => ref.snapId === undefined || snapId === ref.snapId);
  };

  const linksAmong = async (ref: SnapshotRef, pairs: readonly DevicePair[], signal: AbortSignal) => {
    const snapshots = await snapshotsOf(ref, sourcesOf(pairs), signal);
    return pairs.flatMap((pair) => linkOf(snapshots, pair));
  };

  /** Links that are missing may only not be shown yet. */
  const settledLinks = async (ref: SnapshotRef, pairs: readonly DevicePair[], signal: AbortSignal) => {
    const sinceMs = clock.monotonicMs();
    for (;;) {
      const links = await linksAmong(ref, pairs, signal);
      const waitedMs = clock.monotonicMs() - sinceMs;
      if (links.length === pairs.length || waitedMs >= wire.lagMs) return links;
      await clock.sleep(nextLookMs(waitedMs), signal);
    }
  };

  const waitUntilDefined = async (ref: SnapshotRef, pairs: readonly SeenPair[], signal: AbortSignal) => {
    const sinceMs = clock.monotonicMs();
    let waiting = pairs.filter(({ defined }) => !defined);
    while (waiting.length > 0) {
      await clock.sleep(nextLookMs(clock.monotonicMs() - sinceMs), signal);
      waiting = (await linksAmong(ref, waiting, signal)).filter(({ defined }) => !defined);
    }
  };

  /** By position in two groups: what the array made of it decides. A wrong pair shows the proxy another disk. */
  const checkPairs = async (ref: SnapshotRef, pairs: readonly DevicePair[], signal: AbortSignal) => {
    const action = `link snapshot "${ref.name}" to ${pairs.length} targets`;
    if ((await settledLinks(ref, pairs, signal)).length === pairs.length) return;
    const snapshots = await snapshotsOf(ref, sourcesOf(pairs), signal);
    const wrong = snapshots.flatMap(({ source, linkedTargets }) =>
      linkedTargets.flatMap(({ target }) => {
        const meant = pairs.find((pair) => pair.target === target);
        return meant !== undefined && meant.source !== source ? [{ source, target }] : [];
      }),
    );
    const [first] = wrong;
    if (first === undefined) {
      throw new SnaphookError('E_ARRAY', `array was told to ${action}, and does not show it`, {
        hint: 'Look at the links of the snapshot in Unisphere; its view may lag behind the array.',
        retry: 'after-probe',
        effect: 'unknown',
      });
    }
    const linked = snapshots.flatMap(({ source, linkedTargets }) =>
      linkedTargets.flatMap(({ target }) => (targetsOf(pairs).includes(target) ? [{ source, target }] : [])),
    );
    await unlinkAll(ref, linked, true, signal);
    throw new SnaphookError(
      'E_ARRAY_REFUSED',
      `array linked source "${first.source}" to target "${first.target}", which is meant for another; all ${linked.length} links were removed`,
      { hint: 'Allow `snapVxApi: device-list` for the array, or give the job VMs whose devices all have one size.' },
    );
  };

  /** "Not found" proves a clean-up only on an array that is there: a wrong array id finds nothing either. */
  const confirmArray = async (signal: AbortSignal) => {
    await generation(signal);
  };

  /**
   * Generations do not work on V4: without a snap id the array is asked for it. Undefined: none of the devices has such a
   * snapshot.
   */
  const identified = async (
    ref: SnapshotRef,
    devices: readonly DeviceId[],
    signal: AbortSignal,
  ): Promise<SnapshotRef | undefined> => {
    if (ref.snapId !== undefined || (await generation(signal)) === 'V3') return ref;
    const ids = new Set((await snapshotsOf(ref, devices, signal)).map(({ snapId }) => snapId));
    if (ids.size === 0) return undefined;
    const [snapId] = ids;
    if (ids.size > 1 || snapId === undefined) throw notIdentified(ref, ids.size);
    return { name: ref.name, snapId };
  };

  /**
   * The array says that it is done, and the look shows it undone: another server's view may be behind. True after a pause: ask
   * again. False once no view lags that long.
   */
  const lagWatch = (signal: AbortSignal) => {
    let sinceMs: number | undefined;
    let pauses = 0;
    return async ({ kind }: Refusal): Promise<boolean> => {
      if (!SAYS_DONE.includes(kind)) return false;
      sinceMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - sinceMs >= modelLagMs) return false;
      pauses += 1;
      await clock.sleep(backoffMs(busyPauseMs, pauses), signal);
      return true;
    };
  };

  /** What is still linked decides, not the wording of a refusal: a pair of the list may be unlinked already. */
  const unlinkAll = (ref: SnapshotRef, pairs: readonly DevicePair[], force: boolean, signal: AbortSignal) => {
    let waited = false;
    const isBehind = lagWatch(signal);
    const action = (count: number) => `unlink ${count} targets of snapshot "${ref.name}"`;
    const unlink: RepeatableChange<SeenPair> = {
      action,
      isAboutState,
      send: (remaining) => wire.unlink(ref, remaining, force, signal),
      readBack: (remaining) => settledLinks(ref, remaining, signal),
      async stuck(refusal, remaining) {
        if (await isBehind(refusal)) return;
        // A target that was still being defined at the refusal may be defined by now: then the wait is over at once.
        const isBeingDefined = !force && !waited && (await generation(signal)) === 'V3';
        if (!isBeingDefined) throw refusalError(withoutEffect(refusal), action(remaining.length));
        await waitUntilDefined(ref, remaining, signal);
        waited = true;
      },
    };
    return changeAll(pairs, unlink, repeat, signal);
  };

  /** A link that is there already is what was asked for, if it is the same link. By position in two groups all are linked at once. */
  const linkAll = async (ref: SnapshotRef, pairs: readonly DevicePair[], signal: AbortSignal): Promise<void> => {
    for (let pauses = 0, left = pairs; ; pauses += 1) {
      const reply = await wire.link(ref, wire.pairsByPosition ? pairs : left, signal);
      if (reply.kind === 'done') return;
      const linked = await linksAmong(ref, left, signal);
      left = left.filter(({ target }) => !linked.some((one) => one.target === target));
      if (left.length === 0) return;
      const error = refusalError(reply.refusal, `link snapshot "${ref.name}" to ${left.length} targets`);
      const isBusy = error.code === 'E_ARRAY_BUSY' && error.effect === 'none';
      if (!isBusy || pauses === BUSY_PAUSES) throw error;
      await clock.sleep(backoffMs(busyPauseMs, pauses + 1), signal);
    }
  };

  const terminateAll = (ref: SnapshotRef, devices: readonly DeviceId[], signal: AbortSignal) => {
    const isBehind = lagWatch(signal);
    const action = (count: number) => `terminate snapshot "${ref.name}" of ${count} devices`;
    const terminate: RepeatableChange<DeviceId> = {
      action,
      isAboutState,
      send: (remaining) => wire.terminate(ref, remaining, signal),
      async readBack(remaining) {
        const snapshots = await snapshotsOf(ref, remaining, signal);
        return remaining.filter((device) => snapshots.some(({ source }) => source === device));
      },
      async stuck(refusal, remaining) {
        if (await isBehind(refusal)) return;
        throw terminateError(refusal, action(remaining.length), await snapshotsOf(ref, remaining, signal));
      },
    };
    return changeAll(devices, terminate, repeat, signal);
  };

  return {
    async establish(
      request: NewSnapshot,
      vvols: ReadonlySet<DeviceId>,
      signal: AbortSignal,
    ): Promise<{ readonly serviceMs: number | undefined }> {
      const { name, devices } = request;
      effects.forget(name, devices);
      const reply = await wire.create(request, signal);
      if (reply.kind === 'refused') {
        const isAboutVvols = mayBeAboutVvols(reply.refusal) && devices.some((device) => vvols.has(device));
        const action = `establish snapshot "${name}" of ${devices.length} devices`;
        throw refusalError(reply.refusal, action, isAboutVvols ? VVOL_HINT : undefined);
      }
      effects.established(name, devices);
      return { serviceMs: reply.serviceMs };
    },

    async link(wanted: SnapshotRef, pairs: readonly DevicePair[], signal: AbortSignal): Promise<void> {
      try {
        const ref = await identified(wanted, sourcesOf(pairs), signal);
        if (ref === undefined) throw notIdentified(wanted, 0);
        await linkAll(ref, pairs, signal);
        if (wire.pairsByPosition) await checkPairs(ref, pairs, signal);
        effects.linked(ref.name, pairs);
      } catch (error) {
        effects.forget(wanted.name, sourcesOf(pairs));
        throw error;
      }
    },

    async unlink(
      wanted: SnapshotRef,
      pairs: readonly DevicePair[],
      force: boolean,
      signal: AbortSignal,
    ): Promise<void> {
      try {
        const ref = await identified(wanted, sourcesOf(pairs), signal);
        const outcome = ref === undefined ? 'found-done' : await unlinkAll(ref, pairs, force, signal);
        if (outcome === 'done') effects.unlinked(wanted.name, pairs);
        else {
          await confirmArray(signal);
          effects.forget(wanted.name, sourcesOf(pairs));
        }
      } catch (error) {
        effects.forget(wanted.name, sourcesOf(pairs));
        throw error;
      }
    },

    async terminate(wanted: SnapshotRef, devices: readonly DeviceId[], signal: AbortSignal): Promise<void> {
      effects.forget(wanted.name, devices);
      const ref = await identified(wanted, devices, signal);
      const outcome = ref === undefined ? 'found-done' : await terminateAll(ref, devices, signal);
      if (outcome === 'found-done') await confirmArray(signal);
      if (wanted.snapId !== undefined) effects.terminated(wanted.name, devices);
    },
  };
}

function linkOf(snapshots: readonly SnapshotOfDevice[], { source, target }: DevicePair) {
  const link = snapshots
    .filter((snapshot) => snapshot.source === source)
    .flatMap(({ linkedTargets }) => linkedTargets)
    .find((linked) => linked.target === target);
  return link ? [{ source, target, defined: link.defined }] : [];
}

/** Could the state of the devices explain the refusal? Rights are told as they are. */
function isAboutState({ kind }: Refusal): boolean {
  return kind !== 'unauthorized' && kind !== 'forbidden' && kind !== 'role';
}

function notIdentified({ name }: SnapshotRef, idCount: number): SnaphookError {
  const found = idCount === 0 ? 'is not on these devices' : 'cannot be named by one snap id';
  return new SnaphookError('E_ARRAY_REFUSED', `snapshot "${name}" ${found}, and this array knows no generations`, {
    hint: 'Look at the snapshots of the devices in Unisphere; `snaphook reap` shows those of this tool.',
  });
}

function terminateError(refusal: Refusal, action: string, snapshots: readonly SnapshotOfDevice[]): SnaphookError {
  const linked = snapshots.flatMap(({ linkedTargets }) => linkedTargets.map(({ target }) => target));
  const known = withoutEffect(refusal);
  if (linked.length === 0) return refusalError(known, action);
  return refusalError(known, action, `Unlink its targets first: ${linked.join(', ')}.`);
}
