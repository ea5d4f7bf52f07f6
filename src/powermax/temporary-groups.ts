import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { SnapshotGroup } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { groupNamed, sourceGroupOf, targetGroupOf } from './group-names.ts';
import { isAboutRights, refusalError, withoutEffect } from './messages.ts';
import { storageGroup, storageGroups } from './paths.ts';
import { changeAll } from './repeated-change.ts';
import { bodyIfFound, bodyOf } from './reply.ts';
import { asBody, type Body, text, texts } from './schema.ts';
import { SYNCHRONOUS } from './snapvx-wire.ts';
import { addToStorageGroup, type EditTimes, membersOf } from './storage-groups.ts';

export interface TemporaryGroups {
  /** The group, of exactly these devices in this order. Again is success. Refused when it holds any other. */
  make(group: string, devices: readonly DeviceId[], signal: AbortSignal): Promise<void>;
  /** Undefined: done, or it was not there. Else why it is left alone. */
  remove(group: string, devices: readonly DeviceId[], signal: AbortSignal): Promise<string | undefined>;
  list(snapshotPrefix: string, signal: AbortSignal): Promise<readonly SnapshotGroup[]>;
}

/**
 * Storage groups that live as long as a snapshot: without SRP and service level, so that devices of any group may be added
 * (inferred from shipping clients), and in no masking view, so that nobody sees anything new.
 */
export function createTemporaryGroups(unisphere: Unisphere, times: EditTimes): TemporaryGroups {
  const { arrayId } = unisphere;

  const bodyOfGroup = async (group: string, signal: AbortSignal): Promise<Body | undefined> => {
    const { endpoint } = await unisphere.version(signal);
    const reply = await unisphere.read(`/restapi${storageGroup(endpoint, arrayId, group)}`, signal);
    const found = bodyIfFound(reply, `show storage group "${group}"`);
    return found === undefined ? undefined : asBody(found, `storage group "${group}"`);
  };

  const members = async (group: string, signal: AbortSignal) => {
    const { endpoint } = await unisphere.version(signal);
    return membersOf(unisphere, endpoint, group, signal);
  };

  const create = async (group: string, signal: AbortSignal): Promise<void> => {
    const { endpoint } = await unisphere.version(signal);
    const body = { storageGroupId: group, srpId: 'none', emulation: 'FBA', ...SYNCHRONOUS };
    const reply = await unisphere.write({ method: 'POST', path: storageGroups(endpoint, arrayId), body }, signal);
    // One that is there may be of an earlier try: its members decide.
    if (reply.kind === 'refused' && reply.refusal.kind !== 'exists') {
      throw refusalError(reply.refusal, `create storage group "${group}"`);
    }
  };

  const doDelete = async (group: string, signal: AbortSignal): Promise<void> => {
    const { endpoint } = await unisphere.version(signal);
    const path = storageGroup(endpoint, arrayId, group);
    const action = () => `delete storage group "${group}"`;
    await changeAll(
      [group],
      {
        action,
        isAboutState: (refusal) => !isAboutRights(refusal),
        send: () => unisphere.write({ method: 'DELETE', path, body: undefined, tellBusy: true }, signal),
        readBack: async () => ((await bodyOfGroup(group, signal)) === undefined ? [] : [group]),
        async stuck(refusal) {
          throw refusalError(withoutEffect(refusal), action());
        },
      },
      { clock: unisphere.clock, firstPauseMs: times.firstPauseMs },
      signal,
    );
  };

  return {
    async make(group, devices, signal) {
      await create(group, signal);
      await addToStorageGroup(unisphere, { storageGroup: group, devices }, times, signal);
      const there = await members(group, signal);
      if (there.size === devices.length && devices.every((device) => there.has(device))) return;
      const hint = `Look at storage group "${group}" in Unisphere: nobody else may put devices into it.`;
      throw new SnaphookError(
        'E_ARRAY_REFUSED',
        `storage group "${group}" holds ${there.size} devices, and not exactly the ${devices.length} to snap`,
        { hint },
      );
    },

    async remove(group, devices, signal) {
      const body = await bodyOfGroup(group, signal);
      if (body === undefined) return undefined;
      const [user] = usersOf(body);
      if (user !== undefined) return `it is used by ${user}`;
      const stranger = [...(await members(group, signal))].find((id) => !devices.some((device) => device === id));
      if (stranger !== undefined) return `it also holds device "${stranger}"`;
      await doDelete(group, signal);
      return undefined;
    },

    async list(snapshotPrefix, signal) {
      const { endpoint } = await unisphere.version(signal);
      const reply = await unisphere.read(`/restapi${storageGroups(endpoint, arrayId)}`, signal);
      const all = texts(asBody(bodyOf(reply, 'list its storage groups'), 'storage groups'), 'storageGroupId');
      const ours = all.filter((name) => name.startsWith(snapshotPrefix));
      const shown = ours.map(async (name): Promise<readonly SnapshotGroup[]> => {
        const body = await bodyOfGroup(name, signal);
        if (body === undefined) return [];
        return [{ name, ...groupNamed(name), members: [...(await members(name, signal))], usedBy: usersOf(body) }];
      });
      return (await Promise.all(shown)).flat();
    },
  };
}

/** Both groups of a snapshot; the targets' one first: it is of no use without the other. */
export async function removeGroupsOf(
  groups: TemporaryGroups,
  of: { readonly name: string; readonly devices: readonly DeviceId[]; readonly targets: readonly DeviceId[] },
  signal: AbortSignal,
): Promise<readonly { readonly group: string; readonly why: string }[]> {
  const left: { group: string; why: string }[] = [];
  for (const [group, members] of [
    [targetGroupOf(of.name), of.targets],
    [sourceGroupOf(of.name), of.devices],
  ] as const) {
    const why = await groups.remove(group, members, signal);
    if (why !== undefined) left.push({ group, why });
  }
  return left;
}

/** We make groups that nothing else uses and that have no service level. */
function usersOf(body: Body): readonly string[] {
  const level = text(body, 'service_level', 'slo');
  const isManaged = level !== undefined && level.toLowerCase() !== 'none';
  return [
    ...texts(body, 'maskingview', 'maskingView').map((view) => `masking view "${view}"`),
    ...texts(body, 'parent_storage_group', 'parentStorageGroup').map((parent) => `its parent group "${parent}"`),
    ...texts(body, 'child_storage_group', 'childStorageGroup').map((child) => `its child group "${child}"`),
    ...texts(body, 'snapshot_policies', 'snapshotPolicies').map((policy) => `snapshot policy "${policy}"`),
    ...(isManaged ? [`service level "${level}"`] : []),
  ];
}
