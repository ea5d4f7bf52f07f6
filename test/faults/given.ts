import type { PreResult } from '../../src/job/pre.ts';
import type { FaultSite } from './fault-site.ts';
import { inject } from './injection.ts';
import type { RunStep } from './run-step.ts';

/** On a busy machine a pre hook with the limits of the matrix may fail before it comes to its guest's last words. */
const MOST_TRIES = 4;

/**
 * Brings a clean site to where the hook of the step starts; resolves to what a pre hook handed over for that. `loss`: of release bytes. A hook of the field waits for 3 s until it takes
 * a second connection, longer than a lease of the lab; it takes one at once when the first is cut with the byte.
 */
export async function prepareFor(
  site: FaultSite,
  { hook, given }: Pick<RunStep, 'hook' | 'given'>,
  loss: 'hang' | 'drop' = 'hang',
): Promise<PreResult | undefined> {
  if (given === 'session left open') {
    await loseGuest(site);
    return undefined;
  }
  const handedOver = hook === 'post' ? await site.calmPre() : undefined;
  if (given === 'release bytes lost') {
    site.lab.faults.add({ system: 'guest', operation: 'release', when: 'before', action: { do: loss } });
  }
  return handedOver;
}

async function loseGuest(site: FaultSite): Promise<void> {
  let reason: unknown;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const lost = inject(site, { hook: 'pre', system: 'ssh', operation: 'ready', nth: 1 }, 'unreachable');
    reason = await site.pre().catch((error: unknown) => error);
    lost.heal();
    if ((await site.openRuns()).length === 1) return;
    if (lost.fired) break;
  }
  throw new Error(`the run whose guest was lost is not open: ${String(reason)}`);
}
