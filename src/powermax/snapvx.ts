import type { SnaphookError } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { DevicePair, SnapshotOfDevice } from '../ports/storage-array.ts';
import type { Unisphere, WriteRequest } from './client.ts';
import { readDeviceSnapshots } from './device-snapshots.ts';
import { type Refusal, refusalError, VVOL_HINT, withoutEffect } from './messages.ts';
import type { OwnEffects } from './own-effects.ts';
import { deviceSnapshot } from './paths.ts';
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
}

const MAX_DEFINE_POLL_MS = 15_000;
const plain = { bothSides: false, star: false, force: false };
const synchronous = { executionOption: 'SYNCHRONOUS' };

/** Writes on device lists (private SnapVX resource): each acts on all devices in ONE request. */
export function createSnapVx({ unisphere, effects, generation, pollMs }: SnapVxParts) {
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

  const waitUntilDefined = async (
    ref: SnapshotRef,
    links: readonly (DevicePair & { readonly defined: boolean })[],
    signal: AbortSignal,
  ) => {
    let waiting = links.filter(({ defined }) => !defined);
    for (let waitMs = pollMs; waiting.length > 0; waitMs = Math.min(waitMs * 1.5, MAX_DEFINE_POLL_MS)) {
      await unisphere.clock.sleep(waitMs, signal);
      waiting = (await linksAmong(ref, waiting, signal)).filter(({ defined }) => !defined);
    }
  };

  /** "Not found" proves a clean-up only on an array that is there: a wrong array id finds nothing either. */
  const confirmArray = async (signal: AbortSignal) => {
    await generation(signal);
  };

  /** What is still linked decides, not the wording of a refusal: a pair of the list may be unlinked already. */
  const unlinkAll = async (
    ref: SnapshotRef,
    pairs: readonly DevicePair[],
    force: boolean,
    signal: AbortSignal,
  ): Promise<'done' | 'was-gone'> => {
    let remaining = pairs;
    let waited = false;
    while (remaining.length > 0) {
      const reply = await send(ref.name, onPairs('Unlink', ref, remaining, force), signal);
      if (reply.kind === 'done') return 'done';
      const action = `unlink ${remaining.length} targets of snapshot "${ref.name}"`;
      if (!isAboutState(reply.refusal)) throw refusalError(reply.refusal, action);
      const links = await linksAmong(ref, remaining, signal);
      if (links.length === remaining.length) {
        // A target that was still being defined at the refusal may be defined by now: then the wait is over at once.
        const mayPass = !force && !waited && (await generation(signal)) === 'V3';
        if (!mayPass) throw refusalError(withoutEffect(reply.refusal), action);
        await waitUntilDefined(ref, links, signal);
        waited = true;
      }
      remaining = links;
    }
    await confirmArray(signal);
    return 'was-gone';
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
        const hint = devices.some((device) => vvols.has(device)) ? VVOL_HINT : undefined;
        throw refusalError(reply.refusal, `establish snapshot "${name}" of ${devices.length} devices`, hint);
      }
      effects.established(name, devices);
      return { serviceMs: reply.serviceMs };
    },

    async link(ref: SnapshotRef, pairs: readonly DevicePair[], signal: AbortSignal): Promise<void> {
      try {
        const reply = await send(ref.name, onPairs('Link', ref, pairs, false), signal);
        // A link that is there already is what was asked for, if it is the same link.
        const isThere =
          reply.kind === 'done' ||
          (reply.refusal.kind === 'already-in-desired-state' &&
            (await linksAmong(ref, pairs, signal)).length === pairs.length);
        if (!isThere) throw refusalError(reply.refusal, `link snapshot "${ref.name}" to ${pairs.length} targets`);
        effects.linked(ref.name, pairs);
      } catch (error) {
        effects.forget(ref.name, sourcesOf(pairs));
        throw error;
      }
    },

    async unlink(ref: SnapshotRef, pairs: readonly DevicePair[], force: boolean, signal: AbortSignal): Promise<void> {
      try {
        const outcome = await unlinkAll(ref, pairs, force, signal);
        if (outcome === 'done') effects.unlinked(ref.name, pairs);
        else effects.forget(ref.name, sourcesOf(pairs));
      } catch (error) {
        effects.forget(ref.name, sourcesOf(pairs));
        throw error;
      }
    },

    async terminate(ref: SnapshotRef, devices: readonly DeviceId[], signal: AbortSignal): Promise<void> {
      effects.forget(ref.name, devices);
      let remaining = devices;
      while (remaining.length > 0) {
        const body = {
          deviceNameListSource: remaining.map((device) => ({ name: device })),
          ...select(ref),
          symforce: false,
          star: false,
          force: false,
          ...synchronous,
        };
        const reply = await send(ref.name, { method: 'DELETE', body }, signal);
        if (reply.kind === 'done') break;
        const action = `terminate snapshot "${ref.name}" of ${remaining.length} devices`;
        if (!isAboutState(reply.refusal)) throw refusalError(reply.refusal, action);
        const snapshots = await snapshotsOf(ref, remaining, signal);
        const still = remaining.filter((device) => snapshots.some(({ source }) => source === device));
        if (still.length === remaining.length) throw terminateError(reply.refusal, action, snapshots);
        remaining = still;
        if (still.length === 0) await confirmArray(signal);
      }
      if (ref.snapId !== undefined) effects.terminated(ref.name, devices);
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

/** Could the state of the devices explain the refusal? Rights, load and server trouble are told as they are. */
function isAboutState(refusal: Refusal): boolean {
  return !['unauthorized', 'forbidden', 'role', 'lock-busy', 'provisioning-busy', 'server-busy', 'proxy-busy'].includes(
    refusal.kind,
  );
}

function terminateError(refusal: Refusal, action: string, snapshots: readonly SnapshotOfDevice[]): SnaphookError {
  const linked = snapshots.flatMap(({ linkedTargets }) => linkedTargets.map(({ target }) => target));
  const known = withoutEffect(refusal);
  if (linked.length === 0) return refusalError(known, action);
  return refusalError(known, action, `Unlink its targets first: ${linked.join(', ')}.`);
}
