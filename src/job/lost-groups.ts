import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { SnapshotGroup, StorageArray } from '../ports/storage-array.ts';
import type { Judged } from './finding.ts';
import { isYoung, runByMark } from './ownership.ts';
import { devicesOf, targetsOf } from './plan.ts';
import type { JobPorts } from './ports.ts';
import type { Run } from './step.ts';

/** Ours by its journal: the name is of the journaled snapshot, and every member is a device of the plan. */
export function judgeJournaledGroup(array: StorageArray, group: SnapshotGroup, { plan }: Run): Judged {
  const isPlanned = plan.snapshotName === group.snapshot && plan.arrayId === array.id;
  const planned: readonly DeviceId[] = group.holds === 'sources' ? devicesOf(plan) : targetsOf(plan);
  const stranger = group.members.find((member) => !planned.includes(member));
  if (!isPlanned) return foreign(array, group, 'the journal of its run plans another snapshot or array');
  if (stranger !== undefined) return foreign(array, group, `it holds device "${stranger}", which its run did not plan`);
  if (group.usedBy.length > 0) return foreign(array, group, `it is used by ${group.usedBy.join(', ')}`);
  return ours(array, group, plan.runId, 'the journal of its run, which is closed, plans this name and these devices');
}

/**
 * Ours without a journal: the mark in the name, and a form that only we give and on which nothing hangs: no masking view, no
 * parent, no child, no service level, no policy, and no snapshot of that name any more. Devices stay where they are, so that
 * nobody loses anything with it.
 */
export function judgeLostGroup(
  ports: JobPorts,
  array: StorageArray,
  group: SnapshotGroup,
  { olderThanMs, hasSnapshot }: { readonly olderThanMs: number; readonly hasSnapshot: boolean },
): Judged {
  const own = runByMark(ports.installation, group.snapshot, [array.id]);
  if (!('run' in own)) return foreign(array, group, own.because);
  if (group.usedBy.length > 0) return foreign(array, group, `it is used by ${group.usedBy.join(', ')}`);
  const waiting = (because: string): Judged => ({
    finding: { kind: 'waiting-group', runId: own.run, ...of(array, group) },
    because,
    remove: undefined,
  });
  if (hasSnapshot) return waiting('the snapshot it was made for is still there');
  const proof = 'no journal here, but the mark in the name is of this installation, and nothing uses the group';
  if (isYoung(own.run, ports.clock.now(), olderThanMs)) {
    return waiting(`${proof}; its run is so young that it may be at work elsewhere`);
  }
  return ours(array, group, own.run, proof);
}

function ours(array: StorageArray, group: SnapshotGroup, runId: string, because: string): Judged {
  return {
    finding: { kind: 'orphan-group', runId, ...of(array, group) },
    because,
    async remove(signal) {
      const members = group.members;
      // What was judged is what may be removed: a device that joined since keeps the group.
      const request = { name: group.snapshot, devices: members, targets: members };
      const left = (await array.removeSnapshotGroups(request, signal)).find((one) => one.group === group.name);
      if (left) throw new SnaphookError('E_LEFTOVERS', `storage group "${group.name}" was left alone: ${left.why}`);
    },
  };
}

const foreign = (array: StorageArray, group: SnapshotGroup, because: string): Judged => ({
  finding: { kind: 'foreign-group', ...of(array, group) },
  because,
  remove: undefined,
});

const of = (array: StorageArray, { name, members }: SnapshotGroup) => ({ array: array.id, name, devices: members });
