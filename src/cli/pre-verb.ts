import { loadConfig } from '../config/load.ts';
import type { JobContext, OnOpenRun } from '../job/job-spec.ts';
import { pre } from '../job/pre.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts, jobSpec } from './compose.ts';
import type { VerbResult } from './console.ts';
import { handedOver } from './render/handed-over.ts';

export interface PreRequest {
  readonly configFile: string;
  readonly context: JobContext;
  readonly vms: readonly string[];
  readonly onOpenRun: OnOpenRun | undefined;
}

/** What both `snaphook pre` and the pre-backup hook do. */
export async function preVerb(request: PreRequest, reporter: Reporter, signal: AbortSignal): Promise<VerbResult> {
  const config = loadConfig(request.configFile);
  const spec = jobSpec(config, request.context.job, {
    vms: request.vms,
    ...(request.onOpenRun === undefined ? {} : { onOpenRun: request.onOpenRun }),
  });
  const ports = composePorts(config, reporter);
  try {
    return handedOver('pre', await pre(ports, spec, request.context, signal));
  } finally {
    await closePorts(ports);
  }
}
