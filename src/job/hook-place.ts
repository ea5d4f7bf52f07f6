import type { Clock } from '../ports/clock.ts';
import type { LockUser } from '../ports/journal.ts';
import type { ProductRun } from './product-run.ts';

const PRE = 'pre hook';

/** A pre hook as others meet it: the run it makes, as the backup product calls it. */
export const preHookOf = ({ integration, instance, productRunId, level, member }: ProductRun): string => {
  const ofMember = member ? [level ?? null, member.of ?? null, member.name] : [];
  return `${PRE} ${JSON.stringify([integration, instance ?? null, productRunId ?? null, ...ofMember])}`;
};

/** The product's run that a pre hook, met as the holder of its job, was called for; undefined for another kind of holder. */
export function productRunOf(holder: LockUser | undefined): ProductRun | undefined {
  if (!holder?.who.startsWith(PRE)) return undefined;
  // Written by `preHookOf` of this or another version: every field is checked below.
  const fields: unknown = JSON.parse(holder.who.slice(PRE.length));
  const values: readonly unknown[] = Array.isArray(fields) ? fields : [];
  const [integration, instance, productRunId, level, , name] = values.map(textOf);
  if (integration === undefined) return undefined;
  if (name === undefined) return { integration, instance, productRunId };
  const of = typeof values[4] === 'number' ? values[4] : undefined;
  return { integration, instance, productRunId, level, member: { name, of } };
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

export const isPreHook = (holder: LockUser | undefined): boolean => holder?.who.startsWith(PRE) ?? false;

export const POST_HOOK = 'post hook';
/** Whoever makes a snapshot that is kept. Hooks wait for it: it is not of their backup, and nothing of theirs depends on its end. */
export const KEEPER = 'snapshot create';

/** Where a hook stands among those of its job: it may stop those before it, and gives way to a pre hook that began after it. */
export class HookPlace {
  readonly user: LockUser;
  #hasLooked = false;

  constructor(who: string, clock: Clock) {
    this.user = { who, beganAtMs: clock.now().getTime() };
  }

  /** To be called for every holder that is met, in order. */
  isOvertakenBy(holder: LockUser | undefined): boolean {
    // Whoever holds the lock at the first look was there before us, whatever the clocks say.
    const wasThere = !this.#hasLooked;
    this.#hasLooked = true;
    return !wasThere && holder !== undefined && holder.who.startsWith(PRE) && holder.beganAtMs > this.user.beganAtMs;
  }

  /** Had the lock: whoever is met later may have come later. */
  hadTheLock(): void {
    this.#hasLooked = true;
  }
}
