import { once } from 'node:events';
import { closePorts } from '../../src/cli/compose.ts';
import { newRunId } from '../../src/job/names.ts';
import { draftPlan } from '../../src/job/plan-draft.ts';
import { completePlan, NOTHING_RESERVED } from '../../src/job/planner.ts';
import { vmName } from './estate.ts';
import { lookUpOneByOne } from './naive-lookups.ts';
import { benchContext, openPorts } from './ports.ts';

export interface PreflightRequest {
  readonly configFile: string;
  readonly vms: number;
}

export interface PreflightMeasure {
  readonly tookMs: number;
  readonly devices: number;
  /** Of this process so far, everything loaded included. */
  readonly peakRssMib: number;
}

/** Plans once as `snaphook plan` does and tells its parent; when told to go on, does the same look-ups one by one. */
export async function runPreflightClient({ configFile, vms }: PreflightRequest): Promise<void> {
  const names = Array.from({ length: vms }, (_, index) => vmName(index));
  const { ports, spec } = openPorts(configFile, 'bench', names);
  const signal = new AbortController().signal;
  const goOn = once(process, 'message');
  let startedMs = performance.now();
  const tell = (devices: number) => {
    const peakRssMib = process.resourceUsage().maxRSS / 1024;
    const measure: PreflightMeasure = { tookMs: performance.now() - startedMs, devices, peakRssMib };
    process.send?.(measure);
  };
  try {
    const runId = newRunId(ports.clock.now(), ports.randomText());
    const draft = await draftPlan(ports, spec, signal);
    const plan = completePlan(draft, { runId, spec, context: benchContext('bench') }, NOTHING_RESERVED);
    tell(plan.devices.length);
    const [{ naive }] = await goOn;
    if (naive !== true) return;
    startedMs = performance.now();
    await lookUpOneByOne(ports, plan, configFile);
    tell(plan.devices.length);
  } finally {
    await closePorts(ports);
    process.disconnect();
  }
}
