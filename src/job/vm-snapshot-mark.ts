import type { RunId } from '../ports/identity.ts';

const DESCRIPTION = /^snaphook run ([0-9a-z]{8,9}-[0-9a-z]{6}); removed when the backup is over$/;

/** The second mark of a VM snapshot of ours, beside its name, for people too. */
export const vmSnapshotDescription = (run: RunId): string => `snaphook run ${run}; removed when the backup is over`;

/** Is this the description that a run of that id gives? */
export const isDescriptionOf = (description: string, run: RunId): boolean => DESCRIPTION.exec(description)?.[1] === run;
