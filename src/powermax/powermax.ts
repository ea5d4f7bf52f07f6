import type { TlsTrust } from '../platform/tls.ts';
import type { Clock } from '../ports/clock.ts';
import type { ArrayId, DeviceId } from '../ports/identity.ts';
import { MODEL_LAG_MS } from '../ports/polling.ts';
import type { ServerState, SnapshotOn, StorageArray } from '../ports/storage-array.ts';
import { createUnisphere } from './client.ts';
import { createDeviceLists } from './device-lists.ts';
import { readDeviceState } from './device-state.ts';
import { readInventory } from './devices.ts';
import { readFacts, readMicrocode } from './facts.ts';
import { type Governor, governed, governorOf } from './governor.ts';
import { createGroupLists } from './group-lists.ts';
import { sourceGroupOf } from './group-names.ts';
import { mayBeVvol, parseIdentity } from './identity.ts';
import { createDevices } from './new-devices.ts';
import { OwnEffects } from './own-effects.ts';
import { readPresentations } from './presentations.ts';
import { createRestores, notByGroups } from './restores.ts';
import { firstThatAnswers } from './servers.ts';
import { openSession, serverRoot } from './session.ts';
import { createSnapshotSearch } from './snapshot-search.ts';
import { createSnapVx } from './snapvx.ts';
import { type SnapVxApiSetting, SnapVxChoice } from './snapvx-choice.ts';
import type { SnapVxWire } from './snapvx-wire.ts';
import { limitsOf, readSourceLoads } from './source-loads.ts';
import { addToStorageGroup, removeFromStorageGroup } from './storage-groups.ts';
import { createTemporaryGroups, removeGroupsOf } from './temporary-groups.ts';
import { generationOf, hasSnapIds, recalledVersion } from './version.ts';
import { readContainers } from './vvols.ts';

export interface UnisphereServer {
  /** Such as `https://unisphere.example:8443`; a slash at the end does not matter. */
  readonly url: string;
  readonly tls: TlsTrust;
}

export interface PowerMaxOptions {
  readonly arrayId: ArrayId;
  /** The Unisphere servers of the array; the first that answers has all calls until it fails. */
  readonly servers: readonly UnisphereServer[];
  readonly username: string;
  /** Asked once for each server, before the first request to it. */
  readonly password: () => Promise<string>;
  readonly clock: Clock;
  /** Default 30 s for reads, 10 min for writes: they block for the whole operation of the array. */
  readonly requestTimeoutMs?: { readonly read: number; readonly write: number };
  /** Who shares the places of a server; default: whatever else this process has for it, of any array. */
  readonly governorFor?: (server: string) => Governor;
  /** How many processes of this machine work now and share the places of a Unisphere; default 1. */
  readonly processesAtWork?: () => number;
  /** How snapshots are taken; default `auto`. */
  readonly snapVxApi?: SnapVxApiSetting;
  /**
   * First pause after a busy or lost answer to a change that is asked for again (unlink, terminate, storage group members);
   * doubles to 15 s, for two minutes in all. Default 1 s.
   */
  readonly busyPauseMs?: number;
  /** How long Unisphere may show things as they were before a change. Default 12 s. */
  readonly modelLagMs?: number;
  /** How long after masking the address of a device may not be told yet. Default 16 s. */
  readonly addressLagMs?: number;
  /** How long an addition to a storage group whose answer was lost may still take effect. Default 15 s. */
  readonly latestEffectMs?: number;
}

/** A VMAX or PowerMax array behind Unisphere for PowerMax 9.2 to 10.4. Opens no connection before the first call. */
export function createPowerMax(options: PowerMaxOptions): StorageArray {
  const { arrayId, username, password, clock } = options;
  const requestTimeoutMs = options.requestTimeoutMs ?? { read: 30_000, write: 600_000 };
  const { governorFor = (server) => governorOf(server, options.processesAtWork ?? (() => 1)) } = options;
  const sessions = options.servers.map(({ url, tls }) =>
    governed(
      openSession({ url, username, password, tls, clock, requestTimeoutMs }),
      governorFor(serverRoot(url)).access(),
    ),
  );
  const session = firstThatAnswers(sessions);
  const unisphere = createUnisphere({ arrayId, session, clock });
  const effects = new OwnEffects();
  const choice = new SnapVxChoice(unisphere, options.snapVxApi ?? 'auto');
  let knownMicrocode: string | undefined;
  const microcode = async (signal: AbortSignal) => {
    knownMicrocode ??= await readMicrocode(unisphere, signal);
    return knownMicrocode;
  };
  /** Also asked before "nothing found" is believed: nothing is found on an array that does not exist either. */
  const generation = async (signal: AbortSignal) => generationOf(await microcode(signal));
  const { busyPauseMs = 1000, latestEffectMs = 15_000, modelLagMs = MODEL_LAG_MS, addressLagMs = 16_000 } = options;
  const editTimes = { firstPauseMs: busyPauseMs, latestEffectMs };
  const groups = createTemporaryGroups(unisphere, editTimes);
  const hasIds = async (signal: AbortSignal) => hasSnapIds(await microcode(signal));
  const through = (wire: SnapVxWire) => ({
    snapVx: createSnapVx({ unisphere, wire, effects, generation, busyPauseMs, modelLagMs }),
    search: createSnapshotSearch(unisphere, wire, effects, modelLagMs),
  });
  const ways = {
    'device-list': through(createDeviceLists(unisphere)),
    'storage-group': through(
      createGroupLists({
        unisphere,
        groups,
        hasSnapIds: hasIds,
        lagMs: modelLagMs,
      }),
    ),
  };
  const way = async (signal: AbortSignal) => ways[await choice.of(signal)];
  const restores = createRestores(unisphere, { busyPauseMs });
  const restoresFor = async (snapshot: SnapshotOn, signal: AbortSignal) => {
    if ((await choice.of(signal)) === 'storage-group') throw notByGroups(snapshot);
    return restores;
  };
  /** Devices found by an id that is no device WWN, as vVols have: explains a refusal to snap them. */
  const vvols = new Set<DeviceId>();

  return {
    id: arrayId,
    async facts(signal) {
      const facts = await readFacts(unisphere, choice, signal);
      knownMicrocode = facts.microcode;
      return facts;
    },
    recall(facts) {
      const version = recalledVersion(facts);
      if (version) unisphere.recall(version);
      knownMicrocode ??= facts.microcode;
      if (facts.snapVxApi) choice.recall(facts.snapVxApi);
    },
    makeSnapshotGroup: ({ name, devices }, signal) => groups.make(sourceGroupOf(name), [...devices].sort(), signal),
    removeSnapshotGroups: (request, signal) => removeGroupsOf(groups, request, signal),
    listSnapshotGroups: ({ namePrefix }, signal) => groups.list(namePrefix, signal),
    async inventory(request, signal) {
      const inventory = await readInventory(unisphere, request, signal);
      request.identities.forEach((identity, index) => {
        const wanted = parseIdentity(identity);
        const isVvol = request.vvols?.has(identity) || (wanted && mayBeVvol(wanted));
        if (isVvol) for (const { id } of inventory.sources[index] ?? []) vvols.add(id);
      });
      if (inventory.pool.length === 0 && inventory.sources.flat().length === 0) await generation(signal);
      return inventory;
    },
    async warm(signal) {
      // The version is what every later call needs anyway.
      if (session.isWarm()) await unisphere.version(signal);
      else await unisphere.askVersion(signal);
    },
    establish: async (request, signal) => (await way(signal)).snapVx.establish(request, vvols, signal),
    async findSnapshots(request, signal) {
      const found = await (await way(signal)).search.find(request, signal);
      const isNews = found.length === 0 && request.devices.some((device) => !effects.of(request.name, device));
      if (isNews) await generation(signal);
      return found;
    },
    link: async ({ name, snapId, pairs }, signal) => (await way(signal)).snapVx.link({ name, snapId }, pairs, signal),
    unlink: async ({ name, snapId, pairs, force }, signal) =>
      (await way(signal)).snapVx.unlink({ name, snapId }, pairs, force, signal),
    terminate: async ({ name, snapId, devices }, signal) =>
      (await way(signal)).snapVx.terminate({ name, snapId }, devices, signal),
    restore: async (snapshot, signal) => (await restoresFor(snapshot, signal)).restore(snapshot, signal),
    restoreStates: async (snapshot, signal) => (await restoresFor(snapshot, signal)).states(snapshot, signal),
    endRestore: async (snapshot, signal) => (await restoresFor(snapshot, signal)).end(snapshot, signal),
    addToStorageGroup: (request, signal) => addToStorageGroup(unisphere, request, editTimes, signal),
    createDevices: (request, signal) => createDevices(unisphere, request, signal),
    removeFromStorageGroup: (request, signal) => removeFromStorageGroup(unisphere, request, editTimes, signal),
    async inspect(devices, signal) {
      const how = { api: await choice.of(signal), lagMs: modelLagMs };
      const states = await Promise.all(devices.map((device) => readDeviceState(unisphere, how, device, signal)));
      if (devices.length > 0 && states.every((state) => state === undefined)) await generation(signal);
      return states;
    },
    storageContainers: (ids, signal) => readContainers(unisphere, ids, signal),
    presentations: (devices, signal) => readPresentations(unisphere, devices, addressLagMs, signal),
    async listSnapshots({ namePrefix }, signal) {
      const found = await (await way(signal)).search.list(namePrefix, signal);
      if (found.length === 0) await generation(signal);
      return found;
    },
    limits: async (signal) => limitsOf(await microcode(signal)),
    sourceLoads: async (devices, signal) => readSourceLoads(unisphere, await choice.of(signal), devices, signal),
    servers: (signal) =>
      Promise.all(
        options.servers.map(async ({ url }, index): Promise<ServerState> => {
          const alone = sessions[index];
          if (!alone) throw new TypeError('one session for every server');
          const asked = createUnisphere({ arrayId, session: alone, clock });
          try {
            return { url, kind: 'answers', version: (await asked.askVersion(signal)).unisphere };
          } catch (error) {
            return { url, kind: 'fails', error };
          }
        }),
      ),
    close: async () => session.close(),
  };
}
