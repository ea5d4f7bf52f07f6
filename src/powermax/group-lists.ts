import type { DeviceId } from '../ports/identity.ts';
import type { SnapshotOfDevice } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { type GroupSnapshot, groupSnapshotOf } from './group-details.ts';
import { sourceGroupOf, targetGroupOf } from './group-names.ts';
import { groupSnapshot, groupSnapshots, groupsWithSnapshots, query, volumes } from './paths.ts';
import { bodyIfFound, type Reply } from './reply.ts';
import { asBody, list, texts } from './schema.ts';
import { type SnapshotRef, type SnapVxWire, SYNCHRONOUS, sourcesOf, targetsOf } from './snapvx-wire.ts';
import { membersOf } from './storage-groups.ts';
import type { TemporaryGroups } from './temporary-groups.ts';

export interface GroupListsParts {
  readonly unisphere: Unisphere;
  readonly groups: TemporaryGroups;
  /** Before 5978.669 snapshots are named by generation. */
  readonly hasSnapIds: (signal: AbortSignal) => Promise<boolean>;
  readonly lagMs: number;
}

type Kind = 'snapid' | 'generation';

/**
 * SnapVX on storage groups (published resource): a group acts as a whole, so sources and targets are put into temporary groups of
 * exactly these devices. The source group is made before the freeze; one that is gone is made again where a request needs it.
 */
export function createGroupLists({ unisphere, groups, hasSnapIds, lagMs }: GroupListsParts): SnapVxWire {
  const { arrayId } = unisphere;
  const kindNow = async (signal: AbortSignal): Promise<Kind> => ((await hasSnapIds(signal)) ? 'snapid' : 'generation');

  const read = async (path: string, what: string, signal: AbortSignal) => {
    const found = bodyIfFound(await unisphere.read(`/restapi${path}`, signal), `show ${what}`);
    return found === undefined ? undefined : asBody(found, what);
  };

  /** Every snapshot of this name among the members of the group. A group that is not there has none. */
  const setsIn = async (group: string, name: string, signal: AbortSignal): Promise<readonly GroupSnapshot[]> => {
    const { endpoint } = await unisphere.version(signal);
    const kind = await kindNow(signal);
    const base = groupSnapshot(endpoint, arrayId, group, name);
    const what = `snapshot "${name}" of storage group "${group}"`;
    const listed = await read(`${base}/${kind}`, what, signal);
    const numbers = listed === undefined ? [] : list(listed, 'snapids', 'snapIds', 'generations').map(Number);
    const details = numbers.map((number) => read(`${base}/${kind}/${number}`, what, signal));
    return (await Promise.all(details)).flatMap((body) => (body === undefined ? [] : [groupSnapshotOf(body)]));
  };

  /** Devices that are not in the snapshot's own group (any more) are looked at through their other groups. */
  const setsElsewhere = async (name: string, devices: readonly DeviceId[], signal: AbortSignal) => {
    if (devices.length === 0) return [];
    const { endpoint } = await unisphere.version(signal);
    const own = await membersOf(unisphere, endpoint, sourceGroupOf(name), signal);
    const outside = devices.filter((device) => !own.has(device));
    const groupsOf = outside.map(async (device) => {
      const path = `${volumes(endpoint, arrayId)}/${device}`;
      const body = await read(path, `device "${device}"`, signal);
      return body === undefined ? [] : texts(body, 'storageGroupId', 'storage_group_id');
    });
    const others = new Set((await Promise.all(groupsOf)).flat());
    return (await Promise.all([...others].map((group) => setsIn(group, name, signal)))).flat();
  };

  const onSnapshot = async (ref: SnapshotRef, signal: AbortSignal): Promise<{ path: string; kind: Kind }> => {
    const { endpoint } = await unisphere.version(signal);
    const kind = ref.snapId === undefined ? 'generation' : 'snapid';
    const base = groupSnapshot(endpoint, arrayId, sourceGroupOf(ref.name), ref.name);
    return { path: `${base}/${kind}/${ref.snapId ?? 0}`, kind };
  };

  const find: SnapVxWire['find'] = async ({ name, devices }, signal) => {
    const own = await setsIn(sourceGroupOf(name), name, signal);
    const covered = new Set(own.flatMap(({ sources }) => sources));
    const uncovered = devices.filter((device) => !covered.has(device));
    return snapshotsOf(name, [...own, ...(await setsElsewhere(name, uncovered, signal))], devices);
  };

  const isThere = async ({ name, snapId }: SnapshotRef, devices: readonly DeviceId[], signal: AbortSignal) =>
    (await find({ name, devices }, signal)).some((one) => snapId === undefined || one.snapId === snapId);

  const act = async (
    ref: SnapshotRef,
    action: { readonly name: 'Link' | 'Unlink'; readonly symforce?: boolean },
    signal: AbortSignal,
  ): Promise<Reply> => {
    const { path, kind } = await onSnapshot(ref, signal);
    const target = targetGroupOf(ref.name);
    const plain = { force: false, star: false };
    const options =
      action.name === 'Link'
        ? // By position in both groups; otherwise the array pairs them as it likes.
          { copy: false, exact: true, remote: false, ...plain }
        : { symforce: action.symforce === true, ...plain };
    const key = action.name === 'Link' ? 'link' : 'unlink';
    const group = kind === 'snapid' ? { storage_group_name: target } : { [`${key}StorageGroupName`]: target };
    const body = { action: action.name, [key]: { ...group, ...options }, ...SYNCHRONOUS };
    return unisphere.write({ method: 'PUT', path, body, tellBusy: true }, signal);
  };

  const terminateWith = async (ref: SnapshotRef, force: boolean, signal: AbortSignal): Promise<Reply> => {
    const { path } = await onSnapshot(ref, signal);
    const parameters = query({ force: String(force), symforce: 'false', star: 'false' });
    return unisphere.write({ method: 'DELETE', path: path + parameters, body: undefined, tellBusy: true }, signal);
  };

  return {
    lagMs,
    pairsByPosition: true,

    async create({ name, timeToLiveHours }, signal) {
      const { endpoint } = await unisphere.version(signal);
      const life = { timeToLive: timeToLiveHours, timeInHours: true };
      const body = { snapshotName: name, ...life, force: false, star: false, bothsides: false, ...SYNCHRONOUS };
      const path = groupSnapshots(endpoint, arrayId, sourceGroupOf(name));
      return unisphere.write({ method: 'POST', path, urgent: true, body }, signal);
    },

    async link(ref, pairs, signal) {
      // Whether an array counts members as they were added or by device id is not published: in this order it is the same.
      const ordered = [...pairs].sort((a, b) => a.source.localeCompare(b.source));
      await groups.make(targetGroupOf(ref.name), targetsOf(ordered), signal);
      return act(ref, { name: 'Link' }, signal);
    },

    async unlink(ref, pairs, symforce, signal) {
      const unlink = { name: 'Unlink', symforce } as const;
      const reply = await act(ref, unlink, signal);
      const sources = distinct(sourcesOf(pairs));
      if (!isNotFound(reply) || !(await isThere(ref, sources, signal))) return reply;
      // A group may be gone, with everything else as it was.
      await groups.make(sourceGroupOf(ref.name), sources, signal);
      await groups.make(targetGroupOf(ref.name), targetsOf(pairs), signal);
      return act(ref, unlink, signal);
    },

    async terminate(ref, devices, signal) {
      const reply = await terminateWith(ref, false, signal);
      if (!isNotFound(reply) || !(await isThere(ref, devices, signal))) return reply;
      // Told when the members changed since the snapshot. What is forced names this snapshot alone, of whoever has it.
      const forced = await terminateWith(ref, true, signal);
      if (!isNotFound(forced)) return forced;
      await groups.make(sourceGroupOf(ref.name), distinct(devices), signal);
      return terminateWith(ref, true, signal);
    },

    find,

    async namesBySource(signal) {
      const { endpoint } = await unisphere.version(signal);
      const listed = await read(groupsWithSnapshots(endpoint, arrayId), 'groups with snapshots', signal);
      const found = texts(listed ?? {}, 'name').map(async (group) => {
        const names = await read(groupSnapshots(endpoint, arrayId, group), `snapshots of group "${group}"`, signal);
        const sets = texts(names ?? {}, 'name').map(async (name) =>
          (await setsIn(group, name, signal)).flatMap(({ sources }) => sources.map((source) => ({ source, name }))),
        );
        return (await Promise.all(sets)).flat();
      });
      return (await Promise.all(found)).flat();
    },
  };
}

const isNotFound = (reply: Reply): boolean => reply.kind === 'refused' && reply.refusal.kind === 'not-found';

const distinct = (devices: readonly DeviceId[]): readonly DeviceId[] => [...new Set(devices)];

/** One row for each device and snapshot, also where several groups show it. */
function snapshotsOf(
  name: string,
  sets: readonly GroupSnapshot[],
  devices: readonly DeviceId[],
): readonly SnapshotOfDevice[] {
  const rows = new Map<string, SnapshotOfDevice>();
  for (const { snapId, createdAtMs, sources, links } of sets) {
    for (const source of sources) {
      if (!devices.includes(source)) continue;
      const linkedTargets = links
        .filter((link) => link.source === source)
        .map(({ target, defined }) => ({ target, defined }));
      rows.set(`${source} ${snapId ?? createdAtMs}`, { name, snapId, source, createdAtMs, linkedTargets });
    }
  }
  return [...rows.values()];
}
