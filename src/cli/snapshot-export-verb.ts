import { loadConfig } from '../config/load.ts';
import { pre } from '../job/pre.ts';
import type { Reporter } from '../ports/reporter.ts';
import { jobSpec, withPorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { handedOver } from './render/handed-over.ts';
import { runIdOf } from './run-id.ts';

export interface SnapshotExportRequest {
  readonly configFile: string;
  readonly job: string;
  /** Of the kept snapshot. */
  readonly run: string;
  readonly vms: readonly string[];
}

/** Hands over a kept snapshot as the pre hook does one of its own; the post hook of the job releases it, and the snapshot stays. */
export async function snapshotExportVerb(
  { configFile, job, run, vms }: SnapshotExportRequest,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  const config = loadConfig(configFile);
  const spec = { ...jobSpec(config, job), borrow: { snapshotRun: runIdOf(run), vms } };
  const context = {
    job,
    integration: 'snapshot export',
    instance: undefined,
    productRunId: undefined,
    level: undefined,
  };
  return handedOver('snapshot-export', await withPorts(config, reporter, (ports) => pre(ports, spec, context, signal)));
}
