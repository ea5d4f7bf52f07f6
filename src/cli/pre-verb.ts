import { loadConfig } from '../config/load.ts';
import { warningsOf } from '../job/collateral.ts';
import type { JobContext, OnOpenRun } from '../job/job-spec.ts';
import { hasCommonInstant } from '../job/plan.ts';
import { type PreResult, pre } from '../job/pre.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts, jobSpec } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { capturedVms, windowOf } from './render/captured-vms.ts';
import { jsonDocument } from './render/json.ts';
import { bytesText, millisecondsText, table } from './render/text.ts';

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
    const result = await pre(ports, spec, request.context, signal);
    return { document: documentOf(result), text: textOf(result), exitCode: result.degraded ? EXIT.degraded : EXIT.ok };
  } finally {
    await closePorts(ports);
  }
}

function documentOf(result: PreResult): VerbResult['document'] {
  const { plan, capture } = result;
  return jsonDocument('pre', {
    ok: true,
    runId: result.runId,
    job: plan.spec.name,
    degraded: result.degraded,
    route: { ...plan.route, commonInstant: hasCommonInstant(plan) },
    vms: capturedVms(plan, capture),
    snapshot: {
      array: plan.arrayId,
      name: plan.snapshotName,
      snapId: capture.snapId,
      devices: plan.devices.map(({ device }) => device),
    },
    window: windowOf(capture),
    directory: result.directory,
    manifest: result.manifest,
    ...(result.mounts && { files: result.mounts }),
    images: result.files.map((file) => ({
      ...file,
      device: plan.devices.find(({ imagePath }) => imagePath === file.path)?.device,
    })),
    warnings: warningsOf(plan, capture),
  });
}

function textOf(result: PreResult): string {
  const { capture, plan } = result;
  const bytes = result.files.reduce((sum, file) => sum + file.dataBytes, 0);
  const vms = capturedVms(plan, capture).map(({ name, grade, reasons }) => [name, grade, reasons.join('; ')]);
  return [
    `run ${result.runId} of job "${plan.spec.name}" is ready in ${result.directory}\n`,
    table([['VM', 'grade', ''], ...vms]),
    `route ${plan.route.name}: ${plan.route.because}\n`,
    plan.managed
      ? `snapshot ${plan.snapshotName} of ${plan.vms.length} VM(s) in vCenter${hasCommonInstant(plan) ? '' : ', each at an instant of its own'}\n`
      : `snapshot ${plan.snapshotName} on array ${plan.arrayId}: ${plan.devices.length} device(s), one point in time\n`,
    `freeze window ${millisecondsText(capture.lengthMs)}, of which the ${plan.managed ? 'VM snapshot' : 'array'} took ${millisecondsText(capture.arrayMs)}\n`,
    result.mounts
      ? `${result.mounts.mounted} file system(s) mounted; manifest ${result.manifest}\n`
      : `${result.files.length} image(s), ${bytesText(bytes)} of data; manifest ${result.manifest}\n`,
  ].join('');
}
