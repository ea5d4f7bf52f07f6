import { composePorts, jobSpec } from '../../src/cli/compose.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { JobContext, JobSpec } from '../../src/job/job-spec.ts';
import type { JobPorts } from '../../src/job/ports.ts';
import type { Reporter } from '../../src/ports/reporter.ts';

const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };

export const benchContext = (job: string): JobContext => ({
  job,
  integration: 'bench',
  instance: undefined,
  productRunId: undefined,
  level: undefined,
});

/** The product's real adapters, and a job over the VMs of that name. */
export function openPorts(configFile: string, job: string, vms: readonly string[]): { ports: JobPorts; spec: JobSpec } {
  const config = loadConfig(configFile);
  return { ports: composePorts(config, silent), spec: jobSpec(config, job, { vms }) };
}
