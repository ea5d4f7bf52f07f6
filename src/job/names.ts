import { type RunId, runId } from '../ports/identity.ts';

/** What every snapshot of ours begins with; `reap` looks for it on the array, and for files of that name in hand-over directories. */
export const OWN_NAME_PREFIX = 'snaphook-';

/** Time first, so that ids sort by age; then chance, so that two proxies never meet: `mb3k2j1f-x8q2zk`. */
export function newRunId(now: Date, randomText: string): RunId {
  return runId(`${now.getTime().toString(36)}-${randomText}`);
}

/** When the run began, by the clock of the machine that ran it: the first part of its id. */
export function startOfRun(run: RunId): Date {
  return new Date(Number.parseInt(run.slice(0, run.indexOf('-')), 36));
}

/** Name of the snapshot of a run on the array, with the mark of the installation: 31 or 32 of the 32 characters SnapVX allows. */
export function snapshotName(run: RunId, mark: string): string {
  return `${OWN_NAME_PREFIX}${run}-${mark}`;
}

/** The same of a snapshot that is kept: the underscore tells without any journal that it is no leftover. */
export function keptSnapshotName(run: RunId, mark: string): string {
  return `${OWN_NAME_PREFIX}${run}_${mark}`;
}

export interface OwnName {
  readonly run: RunId;
  /** Undefined in names of the form without one. */
  readonly mark: string | undefined;
  /** Somebody wanted to keep it: whoever finds it must not take it for something left behind. */
  readonly kept: boolean;
}

/** What a name of our form says; undefined for names of any other form. Anybody can give such a name: it proves nothing alone. */
export function parseSnapshotName(name: string): OwnName | undefined {
  const [, run, sign, mark] = /^snaphook-([0-9a-z]{8,9}-[0-9a-z]{6})(?:([-_])([0-9a-z]{6}))?$/.exec(name) ?? [];
  return run === undefined ? undefined : { run: runId(run), mark, kept: sign === '_' };
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
