import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { DevicePair, SnapshotOfDevice } from '../ports/storage-array.ts';
import type { Unisphere, WriteRequest } from './client.ts';
import { readDeviceSnapshots } from './device-snapshots.ts';
import { mayBeAboutVvols, type Refusal, refusalError, VVOL_HINT, withoutEffect } from './messages.ts';
import type { OwnEffects } from './own-effects.ts';
import { deviceSnapshot } from './paths.ts';
import { changeAll, type RepeatableChange } from './repeated-change.ts';
import type { Reply } from './reply.ts';

/** One snapshot by name and, where the array has them, by snap id. Generations are renumbered; 0 is the newest. */
export interface SnapshotRef {
  readonly name: string;
  readonly snapId: number | undefined;
}

interface SnapVxParts {
  readonly unisphere: Unisphere;
  readonly effects: OwnEffects;
  /** Links are defined in the background (and must be before unlink) on V3 only. */
  readonly generation: (signal: AbortSignal) => Promise<'V3' | 'V4'>;
  readonly pollMs: number;
  /** Pause after the first busy or lost answer to an unlink or terminate. */
  readonly busyPauseMs: number;
}

/** A pair and, once it was looked at, whether its target was defined. */
type SeenPair = DevicePair & { readonly defined?: boolean };

const MAX_DEFINE_POLL_MS = 15_000;
const plain = { bothSides: false, star: false, force: false };
const synchronous = { executionOption: 'SYNCHRONOUS' };

/** Writes on device lists (private SnapVX resource): each acts on all devices in ONE request. */
export function createSnapVx({ unisphere, effects, generation, pollMs, busyPauseMs }: SnapVxParts) {
  const repeat = { clock: unisphere.clock, firstPauseMs: busyPauseMs };

  const send = async (name: string, write: Omit<WriteRequest, 'path'>, signal: AbortSignal): Promise<Reply> => {
    const { endpoint } = await unisphere.version(signal);
    return unisphere.write({ ...write, path: deviceSnapshot(endpoint, unisphere.arrayId, name) }, signal);
  };

  const onPairs = (action: 'Link' | 'Unlink', ref: SnapshotRef, pairs: readonly DevicePair[], symforce: boolean) => ({
    method: 'PUT' as const,
    body: {
      action,
      deviceNameListSource: pairs.map(({ source }) => ({ name: source })),
      deviceNameListTarget: pairs.map(({ target }) => ({ name: target })),
      ...select(ref),
      copy: false,
      // Pair i is source i and target i; otherwise the array pairs them as it likes.
      exact: true,
      remote: false,
      force: false,
      star: false,
      symforce,
      ...synchronous,
    },
  });

  const snapshotsOf = async (ref: SnapshotRef, sources: readonly DeviceId[], signal: AbortSignal) => {
    const reads = [...new Set(sources)].map((source) => readDeviceSnapshots(unisphere, source, ref.name, signal));
    const found = (await Promise.all(reads)).flat();
    return found.filter(({ snapId }) => ref.snapId === undefined || snapId === ref.snapId);
  };

  const linksAmong = async (ref: SnapshotRef, pairs: readonly DevicePair[], signal: AbortSignal) => {
    const snapshots = await snapshotsOf(ref, sourcesOf(pairs), signal);
    return pairs.flatMap((pair) => linkOf(snapshots, pair));
  };

  const waitUntilDefined = async (ref: SnapshotRef, pairs: readonly SeenPair[], signal: AbortSignal) => {
    let waiting = pairs.filter(({ defined }) => !defined);
    for (let waitMs = pollMs; waiting.length > 0; waitMs = Math.min(waitMs * 1.5, MAX_DEFINE_POLL_MS)) {
      await unisphere.clock.sleep(waitMs, signal);
      waiting = (await linksAmong(ref, waiting, signal)).filter(({ defined }) => !defined);
    }
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

  /** What is still linked decides, not the wording of a refusal: a pair of the list may be unlinked already. */
  const unlinkAll = (ref: SnapshotRef, pairs: readonly DevicePair[], force: boolean, signal: AbortSignal) => {
    let waited = false;
    const action = (count: number) => `unlink ${count} targets of snapshot "${ref.name}"`;
    const unlink: RepeatableChange<SeenPair> = {
      action,
      isAboutState,
      send: (remaining) => send(ref.name, { ...onPairs('Unlink', ref, remaining, force), tellBusy: true }, signal),
      readBack: (remaining) => linksAmong(ref, remaining, signal),
      async stuck(refusal, remaining) {
        // A target that was still being defined at the refusal may be defined by now: then the wait is over at once.
        const isBeingDefined = !force && !waited && (await generation(signal)) === 'V3';
        if (!isBeingDefined) throw refusalError(withoutEffect(refusal), action(remaining.length));
        await waitUntilDefined(ref, remaining, signal);
        waited = true;
      },
    };
    return changeAll(pairs, unlink, repeat, signal);
  };

  const terminateAll = (ref: SnapshotRef, devices: readonly DeviceId[], signal: AbortSignal) => {
    const action = (count: number) => `terminate snapshot "${ref.name}" of ${count} devices`;
    const terminate: RepeatableChange<DeviceId> = {
      action,
      isAboutState,
      send(remaining) {
        const body = {
          deviceNameListSource: remaining.map((device) => ({ name: device })),
          ...select(ref),
          symforce: false,
          star: false,
          force: false,
          ...synchronous,
        };
        return send(ref.name, { method: 'DELETE', body, tellBusy: true }, signal);
      },
      async readBack(remaining) {
        const snapshots = await snapshotsOf(ref, remaining, signal);
        return remaining.filter((device) => snapshots.some(({ source }) => source === device));
      },
      async stuck(refusal, remaining) {
        throw terminateError(refusal, action(remaining.length), await snapshotsOf(ref, remaining, signal));
      },
    };
    return changeAll(devices, terminate, repeat, signal);
  };

  return {
    async establish(
      request: { readonly name: string; readonly devices: readonly DeviceId[]; readonly timeToLiveHours: number },
      vvols: ReadonlySet<DeviceId>,
      signal: AbortSignal,
    ): Promise<{ readonly serviceMs: number | undefined }> {
      const { name, devices, timeToLiveHours } = request;
      const body = { deviceNameListSource: devices.map((device) => ({ name: device })), ...plain };
      const limit = { timeInHours: true, timeToLive: timeToLiveHours };
      effects.forget(name, devices);
      const reply = await send(
        name,
        { method: 'POST', urgent: true, body: { ...body, ...limit, ...synchronous } },
        signal,
      );
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
        const reply = await send(ref.name, onPairs('Link', ref, pairs, false), signal);
        // A link that is there already is what was asked for, if it is the same link.
        const isThere =
          reply.kind === 'done' ||
          (reply.refusal.kind === 'already-in-desired-state' &&
            (await linksAmong(ref, pairs, signal)).length === pairs.length);
        if (!isThere) throw refusalError(reply.refusal, `link snapshot "${ref.name}" to ${pairs.length} targets`);
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

function select({ snapId }: SnapshotRef): { readonly snap_id: number } | { readonly generation: number } {
  return snapId === undefined ? { generation: 0 } : { snap_id: snapId };
}

const sourcesOf = (pairs: readonly DevicePair[]) => pairs.map(({ source }) => source);

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
