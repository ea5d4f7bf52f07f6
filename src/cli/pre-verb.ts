import { loadConfig } from '../config/load.ts';
import { type GoingOn, goingOn } from '../job/going-on.ts';
import type { JobContext, OnOpenRun } from '../job/job-spec.ts';
import { type PreResult, pre } from '../job/pre.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts, jobSpec, withPorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { handedOver } from './render/handed-over.ts';

export interface PreRequest {
  readonly configFile: string;
  readonly context: JobContext;
  readonly vms: readonly string[];
  /** VMs that the run has to have, where another call of the backup product may make it. */
  readonly ownVms?: readonly string[];
  readonly onOpenRun: OnOpenRun | undefined;
  /** How long the backup product waits; undefined: as long as the job's own deadline says. */
  readonly limitMs?: number | undefined;
}

/** What both `snaphook pre` and the pre-backup hook do, as a person or a program that reads JSON is told it. */
export const preVerb = async (request: PreRequest, reporter: Reporter, signal: AbortSignal): Promise<VerbResult> =>
  handedOver('pre', await runPre(request, reporter, signal));

/** What the run of the product has already, which then serves on; undefined: nothing, and `runPre` is due. */
export async function goOn(
  { configFile, context, limitMs }: PreRequest,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<GoingOn | undefined> {
  const config = loadConfig(configFile);
  return withPorts(config, reporter, (ports) =>
    goingOn(ports, jobSpec(config, context.job, { limitMs }), context, signal),
  );
}

export async function runPre(request: PreRequest, reporter: Reporter, signal: AbortSignal): Promise<PreResult> {
  const config = loadConfig(request.configFile);
  const spec = jobSpec(config, request.context.job, {
    vms: request.vms,
    ownVms: request.ownVms,
    onOpenRun: request.onOpenRun,
    limitMs: request.limitMs,
  });
  const ports = composePorts(config, reporter);
  try {
    return await pre(ports, spec, request.context, signal);
  } finally {
    await closePorts(ports);
  }
}
