import { warningsOf } from '../../job/collateral.ts';
import { hasCommonInstant } from '../../job/plan.ts';
import type { PreResult } from '../../job/pre.ts';
import type { VerbResult } from '../console.ts';
import { EXIT } from '../exit-codes.ts';
import { capturedVms, windowOf } from './captured-vms.ts';
import { jsonDocument } from './json.ts';
import { bytesText, millisecondsText, table } from './text.ts';

/** A run that was handed over, as `snaphook pre` and `snaphook snapshot export` tell it. */
export const handedOver = (schema: 'pre' | 'snapshot-export', result: PreResult): VerbResult => ({
  document: documentOf(schema, result),
  text: textOf(result),
  exitCode: result.degraded ? EXIT.degraded : EXIT.ok,
});

function documentOf(schema: string, result: PreResult): VerbResult['document'] {
  const { plan, capture } = result;
  return jsonDocument(schema, {
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
      keptBy: plan.borrowed?.run,
      devices: plan.devices.map(({ device }) => device),
    },
    window: windowOf(capture),
    directory: result.directory,
    manifest: result.manifest,
    ...(result.mounts && { files: result.mounts }),
    ...(result.exposed && { exposed: { as: plan.spec.expose, ...result.exposed } }),
    images: result.files.map((file) => ({
      ...file,
      device: plan.devices.find(({ imagePath }) => imagePath === file.path)?.device,
    })),
    warnings: warningsOf(plan, capture),
  });
}

function textOf(result: PreResult): string {
  const { capture, plan } = result;
  const vms = capturedVms(plan, capture).map(({ name, grade, reasons }) => [name, grade, reasons.join('; ')]);
  return [
    `run ${result.runId} of job "${plan.spec.name}" is ready in ${result.directory}\n`,
    table([['VM', 'grade', ''], ...vms]),
    `route ${plan.route.name}: ${plan.route.because}\n`,
    plan.managed
      ? `snapshot ${plan.snapshotName} of ${plan.vms.length} VM(s) in vCenter${hasCommonInstant(plan) ? '' : ', each at an instant of its own'}\n`
      : `snapshot ${plan.snapshotName} on array ${plan.arrayId}: ${plan.devices.length} device(s), one point in time\n`,
    plan.borrowed
      ? `it was taken by run ${plan.borrowed.run}, which keeps it\n`
      : `freeze window ${millisecondsText(capture.lengthMs)}, of which the ${plan.managed ? 'VM snapshot' : 'array'} took ${millisecondsText(capture.arrayMs)}\n`,
    `${whatOf(result)}; manifest ${result.manifest}\n`,
  ].join('');
}

function whatOf({ files, mounts, exposed, plan }: PreResult): string {
  if (mounts) return `${mounts.mounted} file system(s) mounted`;
  if (exposed) {
    return `${exposed.disks} disk(s) shown by ${plan.spec.expose}, process ${exposed.helper.pid}: not read, so without hashes`;
  }
  const bytes = files.reduce((sum, file) => sum + file.dataBytes, 0);
  return `${files.length} image(s), ${bytesText(bytes)} of data`;
}
