import type { JobContext } from './job-spec.ts';

/** The run of a backup product that a hook was called for. */
export type ProductRun = Pick<JobContext, 'integration' | 'instance' | 'productRunId' | 'member'> & {
  readonly level?: string | undefined;
};

/** Backup products call again with the same id when they repeat a job by themselves; they have given the earlier try up. */
export function isSameRun(a: ProductRun | undefined, b: ProductRun): boolean {
  return a?.productRunId !== undefined && a.productRunId === b.productRunId && isSameCaller(a, b);
}

/** Provably not the same: the same server of the same product called, with another id. Without ids nobody can tell. */
export function isOtherRun(a: ProductRun | undefined, b: ProductRun | undefined): boolean {
  const haveIds = a?.productRunId !== undefined && b?.productRunId !== undefined;
  return haveIds && a.productRunId !== b.productRunId && isSameCaller(a, b);
}

/** The same server of the same product. */
export const isSameCaller = (a: ProductRun, b: ProductRun): boolean =>
  a.integration === b.integration && a.instance === b.instance;

/**
 * What all calls of one run of the product have in common, where it makes several; undefined where it makes one. Within one run some
 * objects may have a full backup and others none yet; logs are backed up by runs of their own beside that.
 */
export const fellowshipOf = ({ integration, instance, productRunId, level, member }: ProductRun): string | undefined =>
  member && JSON.stringify([integration, instance ?? null, productRunId ?? null, level === 'log', member.of ?? null]);

/** Calls of one run of the product, as far as the product tells them. Two of one name are fellows too. */
export function areFellows(a: ProductRun | undefined, b: ProductRun | undefined): boolean {
  const fellowship = a && fellowshipOf(a);
  return fellowship !== undefined && b !== undefined && fellowship === fellowshipOf(b);
}
