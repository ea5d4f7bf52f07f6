import type { DeviceId } from '../ports/identity.ts';
import type { Unisphere } from './client.ts';
import { readIterator } from './lists.ts';
import { type Refusal, refusalError, withoutEffect } from './messages.ts';
import { query, storageGroup, volumes } from './paths.ts';
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
export function addToStorageGroup(unisphere: Unisphere, request: MembershipRequest, signal: AbortSignal) {
  return edit(unisphere, request, 'add', signal);
}

export function removeFromStorageGroup(unisphere: Unisphere, request: MembershipRequest, signal: AbortSignal) {
  return edit(unisphere, request, 'remove', signal);
}

async function edit(
  unisphere: Unisphere,
  request: MembershipRequest,
  change: 'add' | 'remove',
  signal: AbortSignal,
): Promise<void> {
  const { storageGroup: group } = request;
  const { endpoint } = await unisphere.version(signal);
  const path = storageGroup(endpoint, unisphere.arrayId, group);
  let remaining = request.devices;
  while (remaining.length > 0) {
    const named = { volumeId: remaining, remoteSymmSGInfoParam: { force: false } };
    const editStorageGroupActionParam =
      change === 'add' ? { expandStorageGroupParam: { addSpecificVolumeParam: named } } : { removeVolumeParam: named };
    const body = { editStorageGroupActionParam, executionOption: 'SYNCHRONOUS' };
    const reply = await unisphere.write({ method: 'PUT', path, body }, signal);
    if (reply.kind === 'done') return;
    const action = `${change} ${remaining.length} devices in storage group "${group}"`;
    if (!ABOUT_MEMBERSHIP.includes(reply.refusal.kind)) throw refusalError(reply.refusal, action);
    const members = await membersOf(unisphere, endpoint, group, signal);
    const still = remaining.filter((device) => members.has(device) === (change === 'remove'));
    if (still.length === remaining.length) throw refusalError(withoutEffect(reply.refusal), action);
    remaining = still;
  }
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
