import type { Retention } from './job-spec.ts';
import type { ListedSnapshot } from './kept-snapshots.ts';

const DAY_MS = 24 * 3_600_000;

export interface Overdue {
  readonly snapshot: ListedSnapshot;
  readonly because: string;
}

/**
 * The kept snapshots of a job whose time is over. Counted are snapshots of the same VMs; those that were given days of their own
 * are kept for these and are not counted. The newest one of its VMs with the grade that was asked for is never among them, nor the newest
 * such one of those that are counted, and neither is one that is linked, or of which the array does not tell.
 */
export function overdueSnapshots(
  snapshots: readonly ListedSnapshot[],
  retention: Retention | undefined,
  now: Date,
): readonly Overdue[] {
  const ofVms = new Map<string, ListedSnapshot[]>();
  for (const snapshot of snapshots) {
    const vms = vmsOf(snapshot);
    ofVms.set(vms, [...(ofVms.get(vms) ?? []), snapshot]);
  }
  return [...ofVms.values()].flatMap((ofSame) => overdueOf(ofSame, retention, now));
}

/** The VMs it was made for; neighbours came with their datastore. */
export const vmsOf = ({ vms }: Pick<ListedSnapshot, 'vms'>): string =>
  vms
    .filter(({ role }) => role === 'selected')
    .map(({ instanceUuid }) => instanceUuid)
    .sort()
    .join(' ');

/** Without any good one the newest. */
const newestGood = (newestFirst: readonly ListedSnapshot[]): ListedSnapshot | undefined =>
  newestFirst.find(({ isGood }) => isGood) ?? newestFirst[0];

function overdueOf(
  snapshots: readonly ListedSnapshot[],
  retention: Retention | undefined,
  now: Date,
): readonly Overdue[] {
  const newestFirst = [...snapshots].sort((a, b) => b.takenAt.getTime() - a.takenAt.getTime());
  const there = newestFirst.filter(({ state }) => state === 'present' || state === 'linked');
  const counted = there.filter(({ keep }) => keep?.rule === 'job');
  const spared = new Set([newestGood(counted), newestGood(there)]);
  return newestFirst.flatMap((snapshot) => {
    const { state, keep } = snapshot;
    if (spared.has(snapshot) || !keep || state === 'linked' || state === 'unknown') return [];
    const days = keep.rule === 'job' ? (retention?.days ?? keep.days) : keep.days;
    const isOld = now.getTime() - snapshot.takenAt.getTime() >= days * DAY_MS;
    // One that is not shown may only not be shown yet: before its time is over nothing is done about it.
    if (isOld) return [{ snapshot, because: `it is older than ${days} days` }];
    const place = counted.indexOf(snapshot);
    const count = retention?.count;
    return count !== undefined && place >= count
      ? [{ snapshot, because: `there are ${place} newer ones of these VMs, and ${count} are kept` }]
      : [];
  });
}
