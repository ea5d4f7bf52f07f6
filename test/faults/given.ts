import type { PreResult } from '../../src/job/pre.ts';
import type { FaultSite } from './fault-site.ts';
import { inject } from './injection.ts';
import type { RunStep } from './run-step.ts';

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
    const lost = inject(site, { hook: 'pre', system: 'ssh', operation: 'ready', nth: 1 }, 'unreachable');
    await site.pre().catch(() => undefined);
    lost.heal();
    if ((await site.openRuns()).length !== 1) throw new Error('the run whose guest was lost is not open');
    return undefined;
  }
  const handedOver = hook === 'post' ? await site.calmPre() : undefined;
  if (given === 'release bytes lost') {
    site.lab.faults.add({ system: 'guest', operation: 'release', when: 'before', action: { do: loss } });
  }
  return handedOver;
}
