import type { DeviceId } from '../ports/identity.ts';
import type { Unisphere } from './client.ts';
import { readIterator } from './lists.ts';
import { type Refusal, refusalError, withoutEffect } from './messages.ts';
import { query, storageGroup, volumes } from './paths.ts';
import { changeAll, type RepeatableChange } from './repeated-change.ts';
import { text } from './schema.ts';

export interface MembershipRequest {
  readonly storageGroup: string;
  readonly devices: readonly DeviceId[];
}

/** Refusals that the present membership may explain: a device of the list is already where it should be. */
const ABOUT_MEMBERSHIP: readonly Refusal['kind'][] = [
  'already-in-desired-state',
  'exists',
  'refused',
  'failed',
  'not-found',
];

/** Adds exactly these devices; never asks for new ones. */
export function addToStorageGroup(
  unisphere: Unisphere,
  request: MembershipRequest,
  firstPauseMs: number,
  signal: AbortSignal,
) {
  return edit(unisphere, request, 'add', firstPauseMs, signal);
}

export function removeFromStorageGroup(
  unisphere: Unisphere,
  request: MembershipRequest,
  firstPauseMs: number,
  signal: AbortSignal,
) {
  return edit(unisphere, request, 'remove', firstPauseMs, signal);
}

async function edit(
  unisphere: Unisphere,
  request: MembershipRequest,
  change: 'add' | 'remove',
  firstPauseMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { storageGroup: group, devices } = request;
  const { endpoint } = await unisphere.version(signal);
  const path = storageGroup(endpoint, unisphere.arrayId, group);
  const action = (count: number) => `${change} ${count} devices in storage group "${group}"`;
  const repeatable: RepeatableChange<DeviceId> = {
    action,
    isAboutState: ({ kind }) => ABOUT_MEMBERSHIP.includes(kind),
    send(remaining) {
      const named = { volumeId: remaining, remoteSymmSGInfoParam: { force: false } };
      const editStorageGroupActionParam =
        change === 'add'
          ? { expandStorageGroupParam: { addSpecificVolumeParam: named } }
          : { removeVolumeParam: named };
      const body = { editStorageGroupActionParam, executionOption: 'SYNCHRONOUS' };
      return unisphere.write({ method: 'PUT', path, body, tellBusy: true }, signal);
    },
    async readBack(remaining) {
      const members = await membersOf(unisphere, endpoint, group, signal);
      return remaining.filter((device) => members.has(device) === (change === 'remove'));
    },
    async stuck(refusal, remaining) {
      throw refusalError(withoutEffect(refusal), action(remaining.length));
    },
  };
  await changeAll(devices, repeatable, { clock: unisphere.clock, firstPauseMs }, signal);
}

async function membersOf(
  unisphere: Unisphere,
  endpoint: number,
  group: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const path = volumes(endpoint, unisphere.arrayId) + query({ storageGroupId: group });
  const rows = await readIterator(unisphere, path, signal);
  return new Set(rows.flatMap((row) => text(row, 'volumeId')?.toUpperCase() ?? []));
}
