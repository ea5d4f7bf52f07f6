import { SnaphookError } from '../ports/errors.ts';
import { type DeviceId, deviceId } from '../ports/identity.ts';
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

export interface EditTimes {
  /** Pause after the first busy or lost answer. */
  readonly firstPauseMs: number;
  /** A request whose answer was lost takes effect within this time or never. */
  readonly latestEffectMs: number;
}

/** Adds exactly these devices; never asks for new ones. Resolves when no unanswered request of it can add them once more. */
export function addToStorageGroup(
  unisphere: Unisphere,
  request: MembershipRequest,
  times: EditTimes,
  signal: AbortSignal,
) {
  return edit(unisphere, request, 'add', times, signal);
}

export function removeFromStorageGroup(
  unisphere: Unisphere,
  request: MembershipRequest,
  times: EditTimes,
  signal: AbortSignal,
) {
  return edit(unisphere, request, 'remove', times, signal);
}

async function edit(
  unisphere: Unisphere,
  request: MembershipRequest,
  change: 'add' | 'remove',
  times: EditTimes,
  signal: AbortSignal,
): Promise<void> {
  const { storageGroup: group, devices } = request;
  const { endpoint } = await unisphere.version(signal);
  const path = storageGroup(endpoint, unisphere.arrayId, group);
  const action = (count: number) => `${change} ${count} devices in storage group "${group}"`;
  const { clock } = unisphere;
  let sentCount = 0;
  let lostAtMs: number | undefined;
  const repeatable: RepeatableChange<DeviceId> = {
    action,
    isAboutState: ({ kind }) => ABOUT_MEMBERSHIP.includes(kind),
    async send(remaining) {
      const named = { volumeId: remaining, remoteSymmSGInfoParam: { force: false } };
      const editStorageGroupActionParam =
        change === 'add'
          ? { expandStorageGroupParam: { addSpecificVolumeParam: named } }
          : { removeVolumeParam: named };
      const body = { editStorageGroupActionParam, executionOption: 'SYNCHRONOUS' };
      sentCount += 1;
      try {
        const reply = await unisphere.write({ method: 'PUT', path, body, tellBusy: true }, signal);
        if (reply.kind === 'refused' && reply.refusal.effect === 'unknown') lostAtMs = clock.monotonicMs();
        return reply;
      } catch (error) {
        if (error instanceof SnaphookError && error.effect === 'unknown') lostAtMs = clock.monotonicMs();
        throw error;
      }
    },
    async readBack(remaining) {
      const members = await membersOf(unisphere, endpoint, group, signal);
      return remaining.filter((device) => members.has(device) === (change === 'remove'));
    },
    async stuck(refusal, remaining) {
      const known = lostAtMs === undefined ? withoutEffect(refusal) : { ...refusal, effect: 'unknown' as const };
      throw refusalError(known, action(remaining.length));
    },
  };
  const end = await changeAll(devices, repeatable, { clock, firstPauseMs: times.firstPauseMs }, signal);
  const isSpent = sentCount === 1 && end === 'found-done';
  // A late second addition would outlive the removal that the caller may ask for next. A late removal harms nobody.
  if (change === 'add' && lostAtMs !== undefined && !isSpent) {
    await clock.sleep(Math.max(0, lostAtMs + times.latestEffectMs - clock.monotonicMs()), signal);
  }
}

/** Ids of the devices in the group, as Unisphere lists them; none when there is no such group. */
export async function membersOf(
  unisphere: Unisphere,
  endpoint: number,
  group: string,
  signal: AbortSignal,
): Promise<ReadonlySet<DeviceId>> {
  const path = volumes(endpoint, unisphere.arrayId) + query({ storageGroupId: group });
  const rows = await readIterator(unisphere, path, signal);
  const ids = rows.flatMap((row) => text(row, 'volumeId') ?? []);
  return new Set(ids.map((id) => deviceId(id.toUpperCase())));
}
