import type { TlsTrust } from '../platform/tls.ts';
import type { Clock } from '../ports/clock.ts';
import type { ArrayId, DeviceId } from '../ports/identity.ts';
import type { StorageArray } from '../ports/storage-array.ts';
import { createUnisphere } from './client.ts';
import { readDeviceState } from './device-state.ts';
import { readInventory } from './devices.ts';
import { readFacts, readGeneration } from './facts.ts';
import { createGovernor, DEFAULT_LIMITS, type GovernorLimits } from './governor.ts';
import { mayBeVvol, parseIdentity } from './identity.ts';
import { OwnEffects } from './own-effects.ts';
import { readPresentations } from './presentations.ts';
import { openSession } from './session.ts';
import { createSnapshotSearch } from './snapshot-search.ts';
import { createSnapVx } from './snapvx.ts';
import { addToStorageGroup, removeFromStorageGroup } from './storage-groups.ts';
import { readContainers } from './vvols.ts';

export interface PowerMaxOptions {
  readonly arrayId: ArrayId;
  /** Such as `https://unisphere.example:8443`; a slash at the end does not matter. */
  readonly url: string;
  readonly username: string;
  /** Asked once, before the first request. */
  readonly password: () => Promise<string>;
  readonly tls: TlsTrust;
  readonly clock: Clock;
  /** Default 30 s for reads, 10 min for writes: they block for the whole operation of the array. */
  readonly requestTimeoutMs?: { readonly read: number; readonly write: number };
  /** Requests in flight; default 5 reads and 4 writes. */
  readonly limits?: GovernorLimits;
  /** First wait between two looks at a target that is being defined; grows to 15 s. Default 1 s. */
  readonly pollMs?: number;
  /**
   * First pause after a busy or lost answer to a change that is asked for again (unlink, terminate, storage group members);
   * doubles to 15 s, for two minutes in all. Default 1 s.
   */
  readonly busyPauseMs?: number;
  /** How long an addition to a storage group whose answer was lost may still take effect. Default 15 s. */
  readonly latestEffectMs?: number;
}

/** A VMAX or PowerMax array behind Unisphere for PowerMax 9.2 to 10.4. Opens no connection before the first call. */
export function createPowerMax(options: PowerMaxOptions): StorageArray {
  const { arrayId, url, username, password, tls, clock } = options;
  const requestTimeoutMs = options.requestTimeoutMs ?? { read: 30_000, write: 600_000 };
  const session = openSession({ url, username, password, tls, clock, requestTimeoutMs });
  const governor = createGovernor(options.limits ?? DEFAULT_LIMITS);
  const unisphere = createUnisphere({ arrayId, session, governor, clock });
  const effects = new OwnEffects();
  /** Also asked before "nothing found" is believed: nothing is found on an array that does not exist either. */
  let knownGeneration: 'V3' | 'V4' | undefined;
  const generation = async (signal: AbortSignal) => {
    knownGeneration ??= await readGeneration(unisphere, signal);
    return knownGeneration;
  };
  const { pollMs = 1000, busyPauseMs = 1000, latestEffectMs = 15_000 } = options;
  const editTimes = { firstPauseMs: busyPauseMs, latestEffectMs };
  const snapVx = createSnapVx({ unisphere, effects, generation, pollMs, busyPauseMs });
  const search = createSnapshotSearch(unisphere, effects);
  /** Devices found by an id that is no device WWN, as vVols have: explains a refusal to snap them. */
  const vvols = new Set<DeviceId>();

  return {
    id: arrayId,
    async facts(signal) {
      const facts = await readFacts(unisphere, signal);
      knownGeneration = facts.generation;
      return facts;
    },
    async inventory(request, signal) {
      const inventory = await readInventory(unisphere, request, signal);
      request.identities.forEach((identity, index) => {
        const wanted = parseIdentity(identity);
        if (wanted && mayBeVvol(wanted)) for (const { id } of inventory.sources[index] ?? []) vvols.add(id);
      });
      if (inventory.pool.length === 0 && inventory.sources.flat().length === 0) await generation(signal);
      return inventory;
    },
    async warm(signal) {
      // The version is what every later call needs anyway.
      if (session.isWarm()) await unisphere.version(signal);
      else await unisphere.askVersion(signal);
    },
    establish: (request, signal) => snapVx.establish(request, vvols, signal),
    async findSnapshots(request, signal) {
      const found = await search.find(request, signal);
      const isNews = found.length === 0 && request.devices.some((device) => !effects.of(request.name, device));
      if (isNews) await generation(signal);
      return found;
    },
    link: ({ name, snapId, pairs }, signal) => snapVx.link({ name, snapId }, pairs, signal),
    unlink: ({ name, snapId, pairs, force }, signal) => snapVx.unlink({ name, snapId }, pairs, force, signal),
    terminate: ({ name, snapId, devices }, signal) => snapVx.terminate({ name, snapId }, devices, signal),
    addToStorageGroup: (request, signal) => addToStorageGroup(unisphere, request, editTimes, signal),
    removeFromStorageGroup: (request, signal) => removeFromStorageGroup(unisphere, request, editTimes, signal),
    async inspect(devices, signal) {
      const states = await Promise.all(devices.map((device) => readDeviceState(unisphere, device, signal)));
      if (devices.length > 0 && states.every((state) => state === undefined)) await generation(signal);
      return states;
    },
    storageContainers: (ids, signal) => readContainers(unisphere, ids, signal),
    presentations: (devices, signal) => readPresentations(unisphere, devices, signal),
    async listSnapshots({ namePrefix }, signal) {
      const found = await search.list(namePrefix, signal);
      if (found.length === 0) await generation(signal);
      return found;
    },
    close: async () => session.close(),
  };
}
