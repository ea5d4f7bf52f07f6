import { SnaphookError } from '../../../src/ports/errors.ts';
import type { ArrayId, DeviceId } from '../../../src/ports/identity.ts';
import type { ArrayFacts, DevicePair, SnapshotOfDevice, StorageArray } from '../../../src/ports/storage-array.ts';
import type { HookProcess } from '../hook-process.ts';
import type { Random } from '../random.ts';
import { deviceFacts, deviceState } from './array-facts.ts';
import { type ArrayRefusal, type ArraySystem, RefusedByArray, type SimSnapshot } from './array-system.ts';

export interface ArrayClientOptions {
  readonly id: ArrayId;
  readonly process: HookProcess;
  readonly system: ArraySystem;
  readonly random: Random;
  /** Lists are believed where they agree with what the array confirmed to this client (releases with bulk lists). */
  readonly bulkReads: boolean;
  /** False on arrays that tell no snap ids. */
  readonly tellsSnapIds: boolean;
}

const HOUR_MS = 3_600_000;
/** An adapter gives a request up after this time. */
const REQUEST_TIMEOUT_MS = 100_000;
const POLL_MS = 2000;
/** When an unanswered request can have no effect any more. */
const SETTLED_AFTER_MS = 15_000;

const CODES: Readonly<Record<ArrayRefusal, SnaphookError['code']>> = {
  'no-device': 'E_ARRAY_REFUSED',
  'bad-name': 'E_ARRAY_REFUSED',
  limit: 'E_ARRAY_LIMIT',
  'no-snapshot': 'E_ARRAY_REFUSED',
  'in-use': 'E_TARGET_TAKEN',
  linked: 'E_ARRAY_REFUSED',
  'not-defined': 'E_ARRAY_REFUSED',
  'no-group': 'E_ARRAY_REFUSED',
};

const errors = {
  refused: () => new SnaphookError('E_ARRAY_REFUSED', 'the array refused the request'),
  busy: () => new SnaphookError('E_ARRAY_BUSY', 'the array is busy', { retry: 'safe' }),
  lost: () =>
    new SnaphookError('E_ARRAY_UNREACHABLE', 'the answer of the array was lost', {
      retry: 'after-probe',
      effect: 'unknown',
    }),
};
/** A read that was not answered had no effect. */
const readErrors = {
  refused: errors.refused,
  busy: errors.busy,
  lost: () => new SnaphookError('E_ARRAY_UNREACHABLE', 'the array did not answer', { retry: 'safe' }),
};

/** The port as a client of the array gives it: one object for each process. */
export function simulatedArray(options: ArrayClientOptions): StorageArray {
  const { id, process, system, random } = options;
  /** What the array confirmed to this client, by device and name: the linked targets, or `gone`. */
  const confirmed = new Map<string, readonly DeviceId[] | 'gone'>();
  const key = (name: string, device: DeviceId) => `${device}/${name}`;
  const forget = (name: string, devices: readonly DeviceId[]) => {
    for (const device of devices) confirmed.delete(key(name, device));
  };
  const targetsOf = (name: string, device: DeviceId): readonly DeviceId[] => {
    const known = confirmed.get(key(name, device));
    return known === undefined || known === 'gone' ? [] : known;
  };

  const read = <Result>(name: string, signal: AbortSignal, effect: () => Result) =>
    process.call({
      name: `array.${name}`,
      signal,
      latencyMs: random.latency(60, 2500),
      effect,
      errors: readErrors,
      timeoutMs: REQUEST_TIMEOUT_MS,
    });
  const write = (name: string, signal: AbortSignal, latencyMs: number, effect: () => void) =>
    process.call({
      name: `array.${name}`,
      mayBeDeaf: name === 'establish',
      signal,
      latencyMs,
      effect: () => refusing(effect),
      late: true,
      faultWeight: name === 'establish' ? 4 : 2,
      errors,
      timeoutMs: REQUEST_TIMEOUT_MS,
    });
  /** Clean-up reads back after a lost answer and goes on with the rest; now and then it gives up. */
  const patiently = async (signal: AbortSignal, attemptOnce: () => Promise<void>) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await attemptOnce();
      } catch (error) {
        const mayPass = error instanceof SnaphookError && error.retry !== 'never' && !signal.aborted;
        if (!mayPass || attempt >= 3) throw error;
      }
      await process.clock.sleep(1000 * attempt, signal);
    }
  };

  /** A list tells neither links nor times. */
  const told = ({ name, snapId, source, links, createdAtMs }: SimSnapshot, isRead = true): SnapshotOfDevice => ({
    name,
    snapId: options.tellsSnapIds ? snapId : undefined,
    source,
    createdAtMs: isRead ? createdAtMs : undefined,
    linkedTargets: isRead
      ? links.map(({ target, definedAtMs }) => ({ target, defined: definedAtMs <= process.world.timeline.nowMs }))
      : [],
  });

  /** One device as a search shows it: a list that agrees with what was confirmed is believed, though it may be behind. */
  const search = (name: string, device: DeviceId, count: number): readonly SnapshotOfDevice[] => {
    const known = confirmed.get(key(name, device));
    const isOf = (snapshot: SimSnapshot) => snapshot.source === device && snapshot.name === name;
    if (options.bulkReads && known !== undefined && count > 1) {
      const rows = system.listed.filter(isOf);
      if (known === 'gone' && rows.length === 0) return [];
      const [row] = rows;
      if (row && rows.length === 1 && known !== 'gone' && row.links.length > 0 === known.length > 0)
        return [{ ...told(row, false), linkedTargets: known.map((target) => ({ target, defined: false })) }];
    }
    return system.snapshots.filter(isOf).map((snapshot) => told(snapshot));
  };

  const remaining = (name: string, snapId: number | undefined, pairs: readonly DevicePair[]) =>
    pairs.filter(({ source, target }) =>
      system.snapshots.some(
        (snapshot) =>
          snapshot.source === source &&
          snapshot.name === name &&
          (snapId === undefined || snapshot.snapId === snapId) &&
          snapshot.links.some((link) => link.target === target),
      ),
    );

  return {
    id,
    facts: (signal) =>
      read(
        'facts',
        signal,
        (): ArrayFacts => ({
          arrayId: id,
          model: 'PowerMax',
          microcode: system.options.generation === 'V4' ? '6079.325.0' : '5978.711.711',
          generation: system.options.generation,
          unisphereVersion: 'V10.1.0.5',
          apiVersion: '101',
          local: true,
          snapVxLicensed: true,
          snapVxApi: 'device-list',
        }),
      ),
    inventory: ({ identities, pool }, signal) =>
      read('inventory', signal, () => {
        const isShown = (id: DeviceId) =>
          (system.devices.get(id)?.made?.shownAtMs ?? 0) <= process.world.timeline.nowMs;
        const members = [...(system.group(pool)?.keys() ?? [])].filter(isShown);
        return {
          sources: identities.map((identity) =>
            [...system.devices.values()]
              .filter(({ wwn }) => identity.toLowerCase().endsWith(wwn))
              .map((device) => deviceFacts(system, device.id)),
          ),
          clues: identities.map(() => ({
            foundBy: undefined,
            decoded: undefined,
            decodedDevice: undefined,
            shownAsVvol: undefined,
          })),
          pool: members.map((device) => deviceFacts(system, device)),
        };
      }),
    recall: () => undefined,
    servers: async () => [],
    limits: async () => ({
      snapshotsPerSource: 1024,
      targetsPerSource: 1024,
      devicesPerSet: 4096,
      timeToLiveHours: 9600,
    }),
    sourceLoads: (_devices, signal) => read('sourceLoads', signal, () => []),
    // This array takes snapshots of devices: nobody makes groups on it.
    makeSnapshotGroup: () => Promise.reject(errors.refused()),
    removeSnapshotGroups: (_request, signal) => read('removeSnapshotGroups', signal, () => []),
    // Nobody reverts here.
    restore: () => Promise.reject(errors.refused()),
    restoreStates: () => Promise.reject(errors.refused()),
    endRestore: () => Promise.reject(errors.refused()),
    listSnapshotGroups: (_request, signal) => read('listSnapshotGroups', signal, () => []),
    warm: (signal) => read('warm', signal, () => undefined),
    async establish({ name, devices, timeToLiveHours }, signal) {
      const latencyMs = random.latency(150, 6000, 0.06);
      forget(name, devices);
      await write('establish', signal, latencyMs, () => {
        system.establish(name, devices, timeToLiveHours * HOUR_MS, 'ours');
      });
      for (const device of devices) confirmed.set(key(name, device), []);
      return { serviceMs: random.chance(0.5) ? latencyMs : undefined };
    },
    findSnapshots: ({ name, devices }, signal) =>
      read('findSnapshots', signal, () => devices.flatMap((device) => search(name, device, devices.length))),
    async link({ name, snapId, pairs }, signal) {
      const sources = pairs.map(({ source }) => source);
      try {
        await write('link', signal, random.latency(200, 4000), () => system.link({ name, snapId }, pairs, 'ours'));
        for (const { source, target } of pairs)
          confirmed.set(key(name, source), [...new Set([...targetsOf(name, source), target])]);
      } catch (error) {
        forget(name, sources);
        throw error;
      }
    },
    async unlink({ name, snapId, pairs, force }, signal) {
      const sources = pairs.map(({ source }) => source);
      forget(name, sources);
      let isDefined = false;
      let wasLinked = false;
      while (!isDefined) {
        isDefined = true;
        await patiently(signal, () =>
          write('unlink', signal, random.latency(150, 3000), () => {
            const left = remaining(name, snapId, pairs);
            wasLinked = left.length === pairs.length;
            try {
              if (left.length > 0) system.unlink({ name, snapId }, left, force, 'ours');
            } catch (error) {
              if (!(error instanceof RefusedByArray) || error.reason !== 'not-defined') throw error;
              isDefined = false;
            }
          }),
        );
        if (!isDefined) await process.clock.sleep(POLL_MS, signal);
      }
      // An unlink that was done proves that the snapshot is there; a look that found nothing to do proves nothing.
      if (wasLinked) for (const { source } of pairs) confirmed.set(key(name, source), []);
    },
    async terminate({ name, snapId, devices }, signal) {
      forget(name, devices);
      await patiently(signal, () =>
        write('terminate', signal, random.latency(150, 3000), () => {
          const left = devices.filter((device) =>
            system.snapshots.some(
              (snapshot) =>
                snapshot.source === device &&
                snapshot.name === name &&
                (snapId === undefined || snapshot.snapId === snapId),
            ),
          );
          if (left.length > 0) system.terminate({ name, snapId }, left, 'ours');
        }),
      );
      if (snapId !== undefined) for (const device of devices) confirmed.set(key(name, device), 'gone');
    },
    async addToStorageGroup({ storageGroup, devices }, signal) {
      let lostAtMs: number | undefined;
      await patiently(signal, async () => {
        try {
          await write('addToStorageGroup', signal, random.latency(300, 5000), () =>
            system.addMembers(storageGroup, devices, 'ours'),
          );
        } catch (error) {
          if (error instanceof SnaphookError && error.effect === 'unknown') lostAtMs = process.clock.monotonicMs();
          throw error;
        }
      }).catch((error: unknown) => {
        if (lostAtMs === undefined || !(error instanceof SnaphookError)) throw error;
        throw new SnaphookError(error.code, error.message, { retry: error.retry, effect: 'unknown' });
      });
      if (lostAtMs !== undefined)
        await process.clock.sleep(Math.max(0, lostAtMs + SETTLED_AFTER_MS - process.clock.monotonicMs()), signal);
    },
    createDevices: ({ storageGroup, identifier, devices }, signal) =>
      write('createDevices', signal, random.latency(2000, 20_000), () =>
        system.createDevices(storageGroup, identifier, devices),
      ),
    removeFromStorageGroup: ({ storageGroup, devices }, signal) =>
      patiently(signal, () =>
        write('removeFromStorageGroup', signal, random.latency(300, 5000), () =>
          system.removeMembers(storageGroup, devices, 'ours'),
        ),
      ),
    storageContainers: (ids, signal) => read('storageContainers', signal, () => ids.map(() => undefined)),
    presentations: (devices, signal) =>
      read('presentations', signal, () =>
        devices.map((device) =>
          deviceFacts(system, device).maskingViews.map(({ id: view, host }) => ({ view, host, paths: [] })),
        ),
      ),
    inspect: (devices, signal) => read('inspect', signal, () => devices.map((device) => deviceState(system, device))),
    listSnapshots: ({ namePrefix }, signal) =>
      read('listSnapshots', signal, () =>
        system.listed.flatMap((row) => {
          if (!row.name.startsWith(namePrefix)) return [];
          // Linked ones are read at the device.
          if (row.links.length === 0) return [told(row, false)];
          return system.snapshots
            .filter(({ name, source, snapId }) => name === row.name && source === row.source && snapId === row.snapId)
            .map((snapshot) => told(snapshot));
        }),
      ),
    close: async () => undefined,
  };
}

function refusing(effect: () => void): void {
  try {
    effect();
  } catch (error) {
    if (!(error instanceof RefusedByArray)) throw error;
    const target = /target (\S+)/.exec(error.message)?.[1];
    throw new SnaphookError(CODES[error.reason], error.message, target === undefined ? {} : { hint: target });
  }
}
