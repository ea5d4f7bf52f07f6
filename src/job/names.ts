import { type RunId, runId } from '../ports/identity.ts';

const SNAPSHOT_PREFIX = 'snaphook-';

/** What every snapshot of ours begins with; `reap` looks for it on the array. */
export const OWN_NAME_PREFIX = SNAPSHOT_PREFIX;

/** Time first, so that ids sort by age; then chance, so that two proxies never meet: `mb3k2j1f-x8q2zk`. */
export function newRunId(now: Date, randomText: string): RunId {
  return runId(`${now.getTime().toString(36)}-${randomText}`);
}

/** Name of the snapshot of a run on the array: 24 of the 32 characters SnapVX allows. */
export function snapshotName(run: RunId): string {
  return `${SNAPSHOT_PREFIX}${run}`;
}

/** The run a snapshot of this name belongs to; undefined for names that are not of our form. */
export function runOfSnapshotName(name: string): RunId | undefined {
  const match = /^snaphook-([0-9a-z]{8,9}-[0-9a-z]{6})$/.exec(name);
  return match?.[1] === undefined ? undefined : runId(match[1]);
}

/**
 * A file name made from a name that came from outside: letters, digits, dot, dash and underscore, at most 64 characters,
 * never empty, never beginning with a dot. Different names may give the same result; callers keep them apart.
 */
export function safeFileName(outsideName: string): string {
  const safe = outsideName
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+|[.-]+$/g, '')
    .slice(0, 64);
  return safe === '' ? 'unnamed' : safe;
}
