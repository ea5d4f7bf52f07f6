import { type DeviceId, deviceId } from '../ports/identity.ts';
import type { DevicePair } from '../ports/storage-array.ts';
import type { Unisphere, WriteRequest } from './client.ts';
import { readDeviceSnapshots } from './device-snapshots.ts';
import { deviceSnapshot, devicesWithSnapshots, query } from './paths.ts';
import { bodyIfFound, type Reply } from './reply.ts';
import { asBody, bodies, text } from './schema.ts';
import { type SnapshotRef, type SnapVxWire, SYNCHRONOUS, sourcesOf, targetsOf } from './snapvx-wire.ts';

const plain = { bothSides: false, star: false, force: false };

/** SnapVX on device lists (private resource): each request acts on exactly the devices it names. */
export function createDeviceLists(unisphere: Unisphere): SnapVxWire {
  const send = async (name: string, write: Omit<WriteRequest, 'path'>, signal: AbortSignal): Promise<Reply> => {
    const { endpoint } = await unisphere.version(signal);
    return unisphere.write({ ...write, path: deviceSnapshot(endpoint, unisphere.arrayId, name) }, signal);
  };

  const onPairs = (action: 'Link' | 'Unlink', ref: SnapshotRef, pairs: readonly DevicePair[], symforce: boolean) => ({
    method: 'PUT' as const,
    body: {
      action,
      deviceNameListSource: named(sourcesOf(pairs)),
      deviceNameListTarget: named(targetsOf(pairs)),
      ...select(ref),
      copy: false,
      // Pair i is source i and target i; otherwise the array pairs them as it likes.
      exact: true,
      remote: false,
      force: false,
      star: false,
      symforce,
      ...SYNCHRONOUS,
    },
  });

  return {
    // Assumed: for this API no lag is known. Where it matters, what was confirmed is looked for again (`snapshot-search.ts`).
    lagMs: 0,
    pairsByPosition: false,

    create({ name, devices, timeToLiveHours }, signal) {
      const life = { timeInHours: true, timeToLive: timeToLiveHours };
      const body = { deviceNameListSource: named(devices), ...plain, ...life, ...SYNCHRONOUS };
      return send(name, { method: 'POST', urgent: true, body }, signal);
    },

    link: (ref, pairs, signal) => send(ref.name, { ...onPairs('Link', ref, pairs, false), tellBusy: true }, signal),

    unlink: (ref, pairs, symforce, signal) =>
      send(ref.name, { ...onPairs('Unlink', ref, pairs, symforce), tellBusy: true }, signal),

    terminate(ref, devices, signal) {
      const body = {
        deviceNameListSource: named(devices),
        ...select(ref),
        symforce: false,
        star: false,
        force: false,
        ...SYNCHRONOUS,
      };
      return send(ref.name, { method: 'DELETE', body, tellBusy: true }, signal);
    },

    async find({ name, devices }, signal) {
      const reads = [...new Set(devices)].map((device) => readDeviceSnapshots(unisphere, device, name, signal));
      return (await Promise.all(reads)).flat();
    },

    /** This list spells a snapshot `<device>-SRC-<name>-<generation>`. */
    async namesBySource(namePrefix, signal) {
      const { endpoint } = await unisphere.version(signal);
      const path = devicesWithSnapshots(endpoint, unisphere.arrayId) + query({ includeDetails: 'true' });
      const found = bodyIfFound(await unisphere.read(`/restapi${path}`, signal), 'list devices with snapshots');
      if (found === undefined) return [];
      return bodies(asBody(found, 'devices with snapshots'), 'device').flatMap((device) => {
        const id = text(device, 'name');
        if (id === undefined) return [];
        return bodies(device, 'snapshot').flatMap((snapshot) => {
          const name = plainSnapshotName(text(snapshot, 'name') ?? '');
          return name.startsWith(namePrefix) ? [{ source: deviceId(id), name }] : [];
        });
      });
    },
  };
}

export const named = (devices: readonly DeviceId[]) => devices.map((device) => ({ name: device }));

export function select({
  snapId,
}: Pick<SnapshotRef, 'snapId'>): { readonly snap_id: number } | { readonly generation: number } {
  return snapId === undefined ? { generation: 0 } : { snap_id: snapId };
}

export function plainSnapshotName(spelled: string): string {
  return /^[0-9A-F]{5}-SRC-(.+)-\d+$/i.exec(spelled)?.[1] ?? spelled;
}
