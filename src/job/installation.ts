import type { VmSelector } from '../ports/hypervisor.ts';
import type { ArrayId, RunId } from '../ports/identity.ts';
import { DEFAULT_LIMITS, type JobLimits, type JobSpec } from './job-spec.ts';

/** What the configuration says of this installation: what is known of it when the state directory is lost. */
export interface Installation {
  /** What people know it by; stands in the mark of folders that stay from run to run. */
  readonly name: string;
  /**
   * Six characters of [0-9a-z] that only this installation gives this run on this array: a one-way hash over both and what names
   * the installation. Part of the snapshot's name.
   */
  markOf(run: RunId, array: ArrayId): string;
  /** The VM this machine runs in, where the configuration names it. */
  readonly proxyVm: VmSelector | undefined;
  /** Where clones of the jobs get their targets from, and what shows them to ESXi hosts. */
  readonly clones: readonly { readonly targetPool: string; readonly presentGroup: string }[];
  /** Where the jobs may have left something. */
  readonly jobs: readonly Pick<JobSpec, 'targetPool' | 'presentGroup' | 'exportDirectory' | 'limits'>[];
}

/** The longest that any job allows, for what is of no job any more; never below the default. */
export function longestMs({ jobs }: Installation, limit: Exclude<keyof JobLimits, 'establishMs'>): number {
  return Math.max(DEFAULT_LIMITS[limit], ...jobs.map(({ limits }) => limits[limit]));
}
