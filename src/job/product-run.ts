import type { JobContext } from './job-spec.ts';

/** The run of a backup product that a hook was called for. */
export type ProductRun = Pick<JobContext, 'integration' | 'instance' | 'productRunId'>;

/** Backup products call again with the same id when they repeat a job by themselves; they have given the earlier try up. */
export function isSameRun(a: ProductRun | undefined, b: ProductRun): boolean {
  return a?.productRunId !== undefined && a.productRunId === b.productRunId && isSameCaller(a, b);
}

/** Provably not the same: the same server of the same product called, with another id. Without ids nobody can tell. */
export function isOtherRun(a: ProductRun | undefined, b: ProductRun | undefined): boolean {
  const haveIds = a?.productRunId !== undefined && b?.productRunId !== undefined;
  return haveIds && a.productRunId !== b.productRunId && isSameCaller(a, b);
}

const isSameCaller = (a: ProductRun, b: ProductRun): boolean =>
  a.integration === b.integration && a.instance === b.instance;
